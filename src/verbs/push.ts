import { usageError } from '../base/errors.ts';
import { readImageInput } from '../definitions/image-input.ts';
import { parseCreated } from '../image/created.ts';
import { checkImageConfig, type ImageConfig } from '../image/image-config.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { DEFAULT_COMPRESSION, parseCodec } from '../layers/codec.ts';
import type { LayersByHand } from '../layers/plan/layers-by-hand.ts';
import { cacheDirectory, RecipeCache } from '../layers/recipe-cache.ts';
import { treeLocation } from '../nix/tree-location.ts';
import { parseReference } from '../stores/reference.ts';
import type { DefinitionInput } from './push/definition-options.ts';
import { openPushMemory } from './push/push-memory.ts';
import type { ProgressListener } from './progress.ts';
import type { PushResult } from './push-result.ts';
import type { PushSettings } from './push/push-settings.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface PushOptions {
  /** Store paths, symlinks into the store, or flake installables. Default: `./result`. */
  paths?: readonly string[];
  /** Destinations: `HOST/REPO[:TAG]`, `oci:DIR[:TAG]`, `docker-archive:FILE[:NAME]`. At least one unless `dryRun`. */
  to: readonly string[];
  /** Base image: `HOST/REPO[:TAG][@DIGEST]`, `oci:DIR[:TAG]` or `docker-archive:FILE`. */
  from?: string;
  /** A file of `nixpush lock` that has the base image's digest. */
  lock?: string;
  /** A relocated store: the directory that holds `nix/store`. */
  store?: string;
  /** A file with the closure, in place of asking `nix`: exportReferencesGraph JSON, or closureInfo's `registration` (or its directory). */
  closure?: string;
  /** `OS/ARCH[/VARIANT]`; default `linux/` and this machine's. */
  platform?: string;
  /** Total layers, those of the base image and the root layer counted. Default 100. */
  maxLayers?: number;
  /** How store paths are put into layers: `expected` (default), `auto`, `popularity`; by hand, or a JSON file of that. */
  layers?: string | LayersByHand;
  /** A JSON file that says how often packages change, for `expected`: `{"my-app": 50, "glibc": 0.1}`. */
  layerWeights?: string;
  /**
   * Earlier images, `REF` or `auto`, the image under each tag that is being pushed: layers that they say to have of
   * the same recipe are taken over, unread. It is trusted that whoever pushed them told the truth.
   */
  reuse?: readonly string[];
  /** `gzip|zstd|none[:LEVEL]`. Default `gzip`, and `none` if all destinations are archives. */
  compression?: string;
  /** Layers worked on at the same time. Default: from the number of cores. */
  jobs?: number;
  /** Leave out the root layer. */
  noLinks?: boolean;
  /** Link the store paths at `/run/profile` in place of `/`, their `/etc` also there, and set `PATH`. */
  profile?: boolean;
  /** Already merged: file first, flags over it. */
  config?: ImageConfig;
  /** Manifest annotations. */
  annotations?: Readonly<Record<string, string>>;
  /** ISO 8601 or `now`; default 1970-01-01T00:00:01Z. */
  created?: string;
  /** Plan only; nothing is generated or sent. */
  dryRun?: boolean;
  registry?: RegistryAccess;
  /** Do not use or keep what earlier pushes found out about layers. */
  noCache?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export const DEFAULT_MAX_LAYERS = 100;

/**
 * Pushes the closure of store paths as an image, or the image that the one path is or describes. Nothing is visible at
 * a destination before all of it is there: the tags move last. A destination that fails is reported in the result while
 * the others go on; if all fail, the first one's error is thrown. Throws NixpushError.
 */
export async function push(options: PushOptions): Promise<PushResult> {
  const settings = checkOptions(options);
  const { signal, store } = options;
  const looking = { trees: treeLocation(store), ...(signal && { signal }) };
  const input = await readImageInput(options.paths ?? [], looking);
  switch (input.kind) {
    case 'store-paths':
      return options.profile === true
        ? pushDefinition(await profileDefinition(input.roots), options)
        : pushStorePaths({ ...options, paths: input.roots }, settings);
    case 'definition':
      return pushDefinition(input, options);
    case 'stream-config':
    case 'nix2container':
    case 'docker-archive': {
      const { pushDescribed } = await import('./push/push-described.ts');
      return pushDescribed(input, options, settings);
    }
  }
}

/** Loaded late is what plans and makes images: a push that was made before, and is still there, needs none of it. */
async function pushStorePaths(options: PushOptions, settings: PushSettings): Promise<PushResult> {
  const memory = await openPushMemory(options, settings);
  const again = await memory?.again(options);
  if (again !== undefined) return again;
  const { pushClosure } = await import('./push/push-closure.ts');
  if (memory === undefined) return pushClosure(options, settings);
  const result = await pushClosure({ ...options, onProgress: memory.listener(options.onProgress) }, settings);
  memory.keep(result);
  return result;
}

async function pushDefinition(input: DefinitionInput, options: PushOptions): Promise<PushResult> {
  const { definitionNames, definitionOptions } = await import('./push/definition-options.ts');
  const defined = definitionOptions(input, options);
  const { pushClosure } = await import('./push/push-closure.ts');
  return pushClosure(defined, checkOptions(defined), { input, names: await definitionNames(input) });
}

async function profileDefinition(roots: readonly string[]): Promise<DefinitionInput> {
  const { profileOf } = await import('./push/definition-options.ts');
  return profileOf(roots);
}

/** Everything that can be wrong with the options, before anything is read or asked. Throws ERR_USAGE. */
export function checkOptions(options: PushOptions): PushSettings {
  if (options.to.length === 0 && options.dryRun !== true)
    throw usageError('no destination', 'Say where to push with --to HOST/REPO:TAG or --to oci:DIR.');
  if (options.lock !== undefined && options.from === undefined)
    throw usageError('--lock has no use without --from', 'It says which digest the base image has.');
  const { layers = 'expected' } = options;
  if (options.layerWeights !== undefined && (layers === 'auto' || layers === 'popularity'))
    throw usageError('--layer-weights has no use without --layers expected');
  return {
    codec: parseCodec(options.compression ?? defaultCompression(options.to)),
    platform: options.platform === undefined ? hostPlatform() : parsePlatform(options.platform),
    created: parseCreated(options.created),
    config: checkImageConfig(options.config ?? {}, 'the config'),
    maxLayers: positive(options.maxLayers ?? DEFAULT_MAX_LAYERS, '--max-layers'),
    jobs: positive(options.jobs ?? DEFAULT_JOBS, '--jobs'),
    cache: options.noCache === true ? undefined : new RecipeCache(cacheDirectory()),
  };
}

/** Whoever takes an archive unpacks its layers at once: what goes into nothing else is not compressed. */
function defaultCompression(to: readonly string[]): string {
  const intoArchives =
    to.length > 0 && to.every((text) => parseReference(text).transport === 'docker-archive');
  return intoArchives ? 'none' : DEFAULT_COMPRESSION;
}

/** Layers in work at the same time: enough to hide the round trips of small ones. */
const DEFAULT_JOBS = 4;

function positive(value: number, flag: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw usageError(`${flag} ${value} is not a whole number above 0`);
}
