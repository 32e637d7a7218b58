import { join } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { FileCache } from '../../base/file-cache.ts';
import { version } from '../../base/version.ts';
import { cacheDirectory } from '../../base/cache-directory.ts';
import { closureFingerprint } from '../../nix/closure-cache.ts';
import { openClosureSource } from '../../nix/open-source.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import { readDiscovery, saveDiscovery, type SavedDiscovery } from '../../stores/registry/discovery.ts';
import { withUnoptimizedParser } from '../../stores/registry/unoptimized-parser.ts';
import { untilAborted } from '../../stores/registry/until-aborted.ts';
import { openDestinations, type Destination, type FoundTags } from '../destination/destination.ts';
import { someAreLate, someOf } from '../destination/lacking.ts';
import type { ProgressListener } from '../progress.ts';
import type { PushResult } from '../push-result.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';

/** Pushes that are kept: those used last. Each takes 300 bytes a layer and 80 a store path. */
const MOST_PUSHES = 64;

/** What is remembered of a push that went well. */
interface RememberedPush {
  readonly result: Omit<PushResult, 'destinations'>;
  /** It gave them; whoever pushes the same again is told the same. */
  readonly warnings: readonly string[];
  /** How its registries want to be spoken to, by host: the look at the tags does without a first contact. */
  readonly registries: readonly (readonly [host: string, SavedDiscovery])[];
}

/**
 * A push by all that it is made of. One that is repeated while its tags still point to its image needs no plan: that the
 * same inputs make the same image is what nixpush rests on.
 */
export class PushMemory {
  readonly #files: FileCache;
  readonly #key: string;
  readonly #warnings: string[] = [];
  readonly #foundTags = new Map<string, FoundTags>();

  constructor(key: string) {
    this.#files = new FileCache(join(cacheDirectory(), 'pushes'), MOST_PUSHES);
    this.#key = key;
  }

  /** Notes warnings on their way. */
  listener(onProgress: ProgressListener | undefined): ProgressListener {
    return (event) => {
      if (event.type === 'warning') this.#warnings.push(event.message);
      onProgress?.(event);
    };
  }

  /** `clients` are those that it was made with, by host. */
  keep({ destinations, ...result }: PushResult, clients: ReadonlyMap<string, RegistryClient>): void {
    if (destinations.some(({ error }) => error !== undefined)) return;
    const registries = [...clients].flatMap(([host, { discovered }]) =>
      discovered === undefined ? [] : [[host, saveDiscovery(discovered)] as const],
    );
    const push: RememberedPush = { result, warnings: this.#warnings, registries };
    this.#files.write(this.#key, JSON.stringify(push));
  }

  /** What the tags of destinations named when `again` asked, by destination; without those that did not answer. */
  get foundTags(): ReadonlyMap<string, FoundTags> {
    return this.#foundTags;
  }

  /**
   * The result of the same push, if all tags point to its image: one request for each tag, and one for a token where the
   * registry wants that. A registry that has changed since then looks like one without the image. Throws what opening DESTs
   * throws, and ERR_ABORTED.
   */
  async again(options: PushOptions): Promise<PushResult | undefined> {
    const push = this.#read();
    const manifest = push?.result.manifest?.digest;
    if (push === undefined || manifest === undefined) return undefined;
    const discoveries = new Map(push.registries.map(([host, saved]) => [host, readDiscovery(saved)]));
    // Tried once: if that does not do, the push itself asks again, with all its patience.
    const registry = { ...options.registry, maxWaitMs: 0 };
    const destinations = await openDestinations(options.to, { ...options, registry, discoveries });
    try {
      // The first that lacks it decides: the others need not be waited for, nor who is late.
      const asking = withUnoptimizedParser(async () => {
        const lacks = destinations.map(async (each) => this.#lacks(each, manifest));
        return someOf([...lacks, someAreLate(lacks)]);
      });
      const isLacking = await untilAborted(asking, options.signal);
      if (isLacking) return undefined;
      tell(push, destinations, manifest, options.onProgress);
      return { ...push.result, destinations: destinations.flatMap((each) => each.results(manifest)) };
    } finally {
      await Promise.all(destinations.map(({ store }) => store.close()));
    }
  }

  async #lacks(destination: Destination, manifest: Digest): Promise<boolean> {
    if (destination.store.keepsImagesWhole !== true) return true;
    const found = await destination.foundTags().catch(() => undefined);
    if (found === undefined) return true;
    this.#foundTags.set(destination.name, found);
    return found.size === 0 || [...found.values()].some((digest) => digest !== manifest);
  }

  /** undefined for what is damaged. */
  #read(): RememberedPush | undefined {
    try {
      return JSON.parse(this.#files.read(this.#key) ?? 'null') as RememberedPush;
    } catch {
      return undefined;
    }
  }
}

/** As if it were pushed now. */
function tell(
  { result, warnings }: RememberedPush,
  destinations: readonly Destination[],
  manifest: Digest,
  onProgress: ProgressListener = () => undefined,
): void {
  const names = destinations.map(({ name }) => name);
  for (const message of warnings) onProgress({ type: 'warning', message });
  onProgress({ type: 'plan', layers: result.layers, destinations: names });
  for (const destination of names)
    onProgress({
      type: 'destination-done',
      destination,
      reference: `${destination}@${manifest}`,
      unchanged: true,
    });
}

/** undefined where other things have a say than the closure and the options: a base image, files, what is to be reused. */
export async function openPushMemory(
  options: PushOptions,
  settings: PushSettings,
): Promise<PushMemory | undefined> {
  const { dryRun, noCache, from, reuse, layers, layerWeights, signal } = options;
  const byHand =
    layers !== undefined && layers !== 'expected' && layers !== 'auto' && layers !== 'popularity';
  if (dryRun === true || noCache === true || byHand) return undefined;
  if (from !== undefined || reuse !== undefined || layerWeights !== undefined) return undefined;
  const source = openClosureSource(options, cacheDirectory());
  const roots = options.paths ?? [];
  const closure =
    (await source.fingerprint?.(roots, signal)) ?? closureFingerprint(await source.closure(roots, signal));
  return new PushMemory(keyOf(closure, options, settings));
}

function keyOf(
  closure: Digest,
  { paths, to, layers, noLinks, annotations, registry }: PushOptions,
  { codec, tarFormat, platform, created, config, maxLayers }: PushSettings,
): string {
  const layering = [codec.id, tarFormat, maxLayers, layers, noLinks];
  // What was found out of a registry that may be spoken to without TLS holds only as long as that is allowed.
  const settings = [...layering, platform, created, config, annotations, registry?.insecure];
  // The number is that of the format.
  return ['push 3', version(), closure, JSON.stringify([paths, to, ...settings])].join('\n');
}
