import pLimit from 'p-limit';
import type { Platform } from '../../image/descriptor.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { BaseImage } from './base-image.ts';
import type { Destination } from '../destination/destination.ts';
import type { LayerPlan } from './layer-plan.ts';
import { LOOKS_AT_ONCE } from '../destination/blob-looks.ts';
import type { PlannedImage } from './planning.ts';
import type { PlannedLayer } from '../progress.ts';
import { pushImage } from './push-image.ts';
import type { PushResult } from '../push-result.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';

/** What an image is going to be made of. */
export interface PlannedContent {
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  /** All of the config, where it is written already. */
  readonly document?: Uint8Array;
  /** RFC 3339, where it is not as the options have it. */
  readonly created?: string;
  readonly storePathsInBase: number;
}

/** What is decided of a push before a byte moves. */
export interface PushPlan<Image extends PlannedContent = PlannedImage> {
  readonly base: BaseImage | undefined;
  readonly platform: Platform;
  readonly image: Image;
  /** All of the image, lowest first, as they are told to those who watch. */
  readonly layers: readonly PlannedLayer[];
}

/** Pushes what is planned; only looks with `dryRun`. With `partOfIndex` no tag moves: an index with them follows. */
export async function carryOut(
  { base, platform, image, layers }: PushPlan<PlannedContent>,
  destinations: readonly Destination[],
  options: PushOptions,
  settings: PushSettings,
  { partOfIndex = false }: { partOfIndex?: boolean } = {},
): Promise<PushResult> {
  const { dryRun, onProgress, signal } = options;
  const annotations =
    base === undefined ? options.annotations : { ...base.annotations, ...options.annotations };
  const pushed = { ...settings, ...image, platform, base, annotations, destinations, partOfIndex };
  const result =
    dryRun === true
      ? await dryRunResult(platform, layers, destinations)
      : await pushImage({ ...pushed, onProgress, signal });
  if (base === undefined) return result;
  return { ...result, base: { reference: base.reference, storePaths: image.storePathsInBase } };
}

async function dryRunResult(
  platform: Platform,
  layers: readonly PlannedLayer[],
  destinations: readonly Destination[],
): Promise<PushResult> {
  const looking = pLimit(LOOKS_AT_ONCE);
  return {
    platform: formatPlatform(platform),
    layers: await Promise.all(
      layers.map(async (layer) => {
        const { known } = layer;
        if (known === undefined) return layer;
        const missing = await Promise.all(
          destinations.map(({ store }) => looking(async () => !(await store.hasBlob(known)))),
        );
        return { ...layer, missingAt: destinations.filter((_, at) => missing[at]).map(({ name }) => name) };
      }),
    ),
    destinations: destinations.map(({ name }) => ({ destination: name, tags: [], sentBytes: 0 })),
  };
}
