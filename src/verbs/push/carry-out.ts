import pLimit, { type LimitFunction } from 'p-limit';
import type { Descriptor } from '../../image/descriptor.ts';
import type { EncodedManifest } from '../../image/manifest.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { Destination } from '../destination/destination.ts';
import { LOOKS_AT_ONCE } from '../destination/blob-looks.ts';
import type { ImageContent, MadeImage } from './make-image.ts';
import type { PlannedImage } from './planning.ts';
import type { PlannedLayer } from '../progress.ts';
import { pushImages } from './push-images.ts';
import type { ImageResult, PushedDestination } from '../push-result.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';

/** What an image is going to be made of. */
export interface PlannedContent extends Pick<ImageContent, 'layers' | 'config' | 'document'> {
  readonly storePathsInBase: number;
}

/** What is decided of a push before a byte moves. */
export interface PushPlan<Image extends PlannedContent = PlannedImage> extends Pick<
  ImageContent,
  'base' | 'platform' | 'created' | 'annotations'
> {
  readonly image: Image;
  /** All of the image, lowest first, as they are told to those who watch. */
  readonly layers: readonly PlannedLayer[];
}

export interface CarriedOut {
  /** In the order of the plans. */
  readonly images: readonly ImageResult[];
  /** What the tags name: the image, or the index of the images; undefined after a dry run. */
  readonly root: Descriptor | undefined;
  readonly destinations: readonly PushedDestination[];
}

/** Pushes an image that is planned, or with `makeIndex` all that the index is of; only looks with `dryRun`. */
export async function carryOut(
  plans: readonly PushPlan<PlannedContent>[],
  destinations: readonly Destination[],
  { dryRun, onProgress, signal }: Pick<PushOptions, 'dryRun' | 'onProgress' | 'signal'>,
  { jobs, cache }: PushSettings,
  makeIndex?: (manifests: readonly Descriptor[]) => EncodedManifest,
): Promise<CarriedOut> {
  if (dryRun === true) return dryRunResult(plans, destinations);
  const images = plans.map((plan) => ({ ...plan, ...plan.image }));
  const pushed = await pushImages({ images, makeIndex, destinations, jobs, cache, onProgress, signal });
  const root = pushed.root.descriptor;
  return {
    images: pushed.images.map((image, at) => imageResult(plans[at]!, image)),
    root,
    destinations: destinations.flatMap((destination) => destination.results(root.digest)),
  };
}

function imageResult(plan: PushPlan<PlannedContent>, { manifest, config, layers }: MadeImage): ImageResult {
  return { manifest: manifest.descriptor, config: config.id!.digest, ...planResult(plan), layers };
}

function planResult({ platform, base, image, layers }: PushPlan<PlannedContent>): ImageResult {
  const below = base && { reference: base.reference, storePaths: image.storePathsInBase };
  return { platform: formatPlatform(platform), layers, ...(below && { base: below }) };
}

async function dryRunResult(
  plans: readonly PushPlan<PlannedContent>[],
  destinations: readonly Destination[],
): Promise<CarriedOut> {
  const looking = pLimit(LOOKS_AT_ONCE);
  const images = plans.map(async (plan) => {
    const layers = plan.layers.map(async (layer) => withMissing(layer, destinations, looking));
    return { ...planResult(plan), layers: await Promise.all(layers) };
  });
  return {
    images: await Promise.all(images),
    root: undefined,
    destinations: destinations.map(({ name }) => ({ destination: name, tags: [], sentBytes: 0 })),
  };
}

async function withMissing(
  layer: PlannedLayer,
  destinations: readonly Destination[],
  looking: LimitFunction,
): Promise<PlannedLayer & { missingAt?: readonly string[] }> {
  const { known } = layer;
  if (known === undefined) return layer;
  const missing = await Promise.all(
    destinations.map(({ store }) => looking(async () => !(await store.hasBlob(known)))),
  );
  return { ...layer, missingAt: destinations.filter((_, at) => missing[at]).map(({ name }) => name) };
}
