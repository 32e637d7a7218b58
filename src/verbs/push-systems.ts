import type { Digest } from '../base/digest.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import { makeIndex, type EncodedManifest } from '../image/manifest.ts';
import type { LayerFacts } from '../layers/layer-blob.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { BaseImage } from './push/base-image.ts';
import { carryOut, type PushPlan } from './push/carry-out.ts';
import {
  failOnAbort,
  openDestinations,
  throwIfAllFailed,
  type Destination,
} from './destination/destination.ts';
import { openEarlier, type Earlier } from './push/earlier.ts';
import type { ProgressListener } from './progress.ts';
import type { PushedDestination, PushResult } from './push-result.ts';
import { planPush } from './push/push-closure.ts';
import type { PushSystemsOptions } from './push/push-options.ts';
import { settlePresent } from './destination/settle-present.ts';
import {
  checkSystems,
  openBase,
  warningsNamed,
  withDefinition,
  type SystemPush,
} from './push/system-push.ts';

export interface PushSystemsResult {
  /** The index; undefined after a dry run. */
  manifest?: Descriptor;
  images: readonly PushedImage[];
  destinations: readonly PushedDestination[];
}

/** One image of the index. */
export interface PushedImage extends Omit<PushResult, 'destinations'> {
  system: string;
}

/**
 * Pushes closures for several systems as one multi-platform image. All are planned before a byte moves; then come the
 * images, without tags, and last the index with the tags: whoever sees a tag can read all of it. A layer that several
 * images have is made and sent once. Annotations are put on the images and on the index. A destination that fails is
 * reported in the result while the others go on; if all fail, the first one's error is thrown. Throws NixpushError.
 */
export async function pushSystems(options: PushSystemsOptions): Promise<PushSystemsResult> {
  const pushes = await Promise.all(checkSystems(options).map(withDefinition));
  const clients = new Map<string, RegistryClient>();
  const destinations = await openDestinations(options.to, { ...options, clients });
  const stopListening = failOnAbort(destinations, options.signal);
  const bases: BaseImage[] = [];
  const earliers: Earlier[] = [];
  try {
    const planned: PlannedSystem[] = [];
    for (const push of pushes) {
      const first = planned.find(({ options: { from } }) => from === push.options.from)?.plan.base;
      const base = await openBase(push, first, clients);
      if (base !== undefined) bases.push(base);
      const platform = base?.platform ?? push.settings.platform;
      const earlier = await openEarlier(push.options, push.settings, { destinations, platform, clients });
      earliers.push(earlier);
      const plan = await planPush(base, earlier, warningsNamed(push), push.settings, push.definition);
      planned.push({ ...push, earlier, plan });
    }
    const result = await pushPlanned(planned, destinations, options);
    if (options.dryRun !== true) for (const { earlier, plan } of planned) earlier.remember(plan.image.record);
    return result;
  } finally {
    stopListening();
    await Promise.all(earliers.map((earlier) => earlier.close()));
    await Promise.all([...bases, ...destinations].map(({ store }) => store.close()));
  }
}

interface PlannedSystem extends SystemPush {
  readonly earlier: Earlier;
  readonly plan: PushPlan;
}

async function pushPlanned(
  planned: readonly PlannedSystem[],
  destinations: readonly Destination[],
  { annotations, dryRun, onProgress }: PushSystemsOptions,
): Promise<PushSystemsResult> {
  const layers = planned.flatMap(({ plan }) => plan.layers);
  onProgress?.({ type: 'plan', layers, destinations: destinations.map(({ name }) => name) });
  const results: PushResult[] = [];
  const made = new Map<Digest, LayerFacts>();
  let firstLayer = 0;
  for (const { plan, options, settings } of planned) {
    const listener = fromLayer(firstLayer, onProgress);
    const result = await carryOut(
      withKnown(plan, made),
      destinations,
      { ...options, ...(listener !== undefined && { onProgress: listener }) },
      settings,
      { partOfIndex: true },
    );
    results.push(result);
    keepFacts(result, made);
    firstLayer += plan.layers.length;
  }
  const images = results.map((result, at): PushedImage => {
    const { destinations: _, ...image } = result;
    return { system: planned[at]!.system, ...image };
  });
  if (dryRun === true) return { images, destinations: results[0]!.destinations };
  const platforms = planned.map(({ plan }) => plan.platform);
  const index = indexOf(results, platforms, annotations);
  const lacking = settlePresent({ manifest: index, destinations, onProgress });
  await Promise.all(
    [...lacking].map(async ([destination, lacks]) => {
      if (await lacks) await putIndex(index, destination, onProgress);
    }),
  );
  throwIfAllFailed(destinations);
  return {
    manifest: index.descriptor,
    images,
    destinations: destinations.flatMap((destination) => destination.results(index.descriptor.digest)),
  };
}

/** The layers of all images are counted through. */
function fromLayer(first: number, listener: ProgressListener | undefined): ProgressListener | undefined {
  return (
    listener && ((event) => listener('layer' in event ? { ...event, layer: event.layer + first } : event))
  );
}

/** What an image before has found out about the same layers. */
function withKnown(plan: PushPlan, made: ReadonlyMap<Digest, LayerFacts>): PushPlan {
  const layers = plan.image.layers.map((layer) => ({
    ...layer,
    known: layer.known ?? made.get(layer.recipeDigest),
  }));
  return { ...plan, image: { ...plan.image, layers } };
}

function keepFacts({ layers }: PushResult, made: Map<Digest, LayerFacts>): void {
  for (const { recipe, diffId, descriptor } of layers) {
    if (recipe === undefined || diffId === undefined || descriptor === undefined) continue;
    made.set(recipe, { diffId, digest: descriptor.digest, size: descriptor.size });
  }
}

function indexOf(
  results: readonly PushResult[],
  platforms: readonly Platform[],
  annotations: Readonly<Record<string, string>> | undefined,
): EncodedManifest {
  const manifests = results.map(({ manifest }, at) => ({ ...manifest!, platform: platforms[at]! }));
  return makeIndex({ manifests, ...(annotations !== undefined && { annotations }) });
}

async function putIndex(
  index: EncodedManifest,
  destination: Destination,
  onProgress: ProgressListener | undefined,
): Promise<void> {
  await destination.attempt(async (store, signal) => {
    await store.putManifest(index, destination.tags, { signal });
    const reference = `${store.name}@${index.descriptor.digest}`;
    onProgress?.({ type: 'destination-done', destination: store.name, reference });
  });
}
