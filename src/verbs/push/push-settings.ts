import { usageError } from '../../base/errors.ts';
import { parseCreated } from '../../image/created.ts';
import type { Platform } from '../../image/descriptor.ts';
import { checkImageConfig, type ImageConfig } from '../../image/image-config.ts';
import { hostPlatform, parsePlatform } from '../../image/platform.ts';
import { DEFAULT_COMPRESSION, parseCodec, type Codec } from '../../layers/codec.ts';
import { cacheDirectory } from '../../base/cache-directory.ts';
import { RecipeCache } from '../../layers/recipe-cache.ts';
import { parseTarFormat, type TarFormat } from '../../layers/tar-format.ts';
import { parseReference } from '../../stores/reference.ts';
import type { PushOptions } from './push-options.ts';

/** The options of a push, checked, with their defaults. */
export interface PushSettings {
  readonly codec: Codec;
  readonly tarFormat: TarFormat;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ImageConfig;
  readonly maxLayers: number;
  readonly jobs: number;
  readonly cache: RecipeCache | undefined;
}

const DEFAULT_MAX_LAYERS = 100;

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
    tarFormat: parseTarFormat(options.tarFormat ?? 'nixpkgs'),
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
