import type { Descriptor } from '../../image/descriptor.ts';
import type { EncodedManifest } from '../../image/manifest.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { failOnAbort, throwIfAllFailed, type Destination } from '../destination/destination.ts';
import { allLack, lackAny, someLack, type Lacking } from '../destination/lacking.ts';
import { settlePresent } from '../destination/settle-present.ts';
import type { ProgressListener } from '../progress.ts';
import { makeImage, type ImageContent, type MadeImage, type MadeLayers } from './make-image.ts';

export interface ImagesPush {
  /** One image, or those of an index. */
  readonly images: readonly ImageContent[];
  /** Makes the index of the images, which the tags are to name, from their manifests. */
  readonly makeIndex?: ((manifests: readonly Descriptor[]) => EncodedManifest) | undefined;
  readonly destinations: readonly Destination[];
  /** Layers worked on at the same time. */
  readonly jobs: number;
  readonly cache: RecipeCache | undefined;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface PushedImages {
  readonly images: readonly MadeImage[];
  /** What the tags name: the image, or the index. */
  readonly root: EncodedManifest;
}

/**
 * Layers, then configs, then manifests, then tags: whoever sees a tag can read all that it names. Each destination goes at
 * its own pace. Throws the first one's error if all fail.
 */
export async function pushImages(push: ImagesPush): Promise<PushedImages> {
  const { images, destinations, signal } = push;
  const stopListening = failOnAbort(destinations, signal);
  try {
    const lacking = images.map((image) => whoLacks(image, push));
    const isLacking = await someLack(lackAny(lacking));
    const pushed = isLacking ? await pushMissing(push, lacking) : await finish(push, lacking, NOTHING_MADE);
    throwIfAllFailed(destinations);
    return pushed!;
  } finally {
    stopListening();
  }
}

interface ArrivingLayers {
  readonly made: MadeLayers;
  /** Resolves when a destination that lacks an image has all layers, or has failed. */
  readonly arrived: (destination: Destination) => Promise<void>;
}

const NOTHING_MADE: ArrivingLayers = { made: new Map(), arrived: async () => undefined };

function whoLacks(image: ImageContent, { destinations, makeIndex, onProgress }: ImagesPush): Lacking {
  const manifest = makeImage(image, NOTHING_MADE.made)?.manifest;
  if (manifest === undefined) return allLack(destinations);
  return settlePresent({ manifest, destinations, partOfIndex: makeIndex !== undefined, onProgress });
}

/** `lacking` is of each image. */
async function pushMissing(push: ImagesPush, lacking: readonly Lacking[]): Promise<PushedImages | undefined> {
  // Loaded late: a push that finds its images needs none of what makes layers.
  const [{ pushLayers }, { WorkerPool }] = await Promise.all([
    import('./push-layers.ts'),
    import('../../layers/engine/pool.ts'),
  ]);
  const pool = new WorkerPool();
  try {
    const images = push.images.map((image, at) => ({ ...image, lacking: lacking[at]! }));
    return await finish(push, lacking, await pushLayers({ ...push, images }, pool));
  } finally {
    await pool.close();
  }
}

/** undefined if all destinations failed before the images were made. */
async function finish(
  push: ImagesPush,
  lacking: readonly Lacking[],
  { made, arrived }: ArrivingLayers,
): Promise<PushedImages | undefined> {
  const images = push.images.flatMap((image) => makeImage(image, made) ?? []);
  const areMade = images.length === push.images.length;
  const index = areMade ? push.makeIndex?.(images.map(({ manifest }) => manifest.descriptor)) : undefined;
  const finishAt = async (destination: Destination): Promise<void> => {
    const lacks = await Promise.all(lacking.map((each) => each.get(destination)!));
    if (lacks.includes(true)) await arrived(destination);
    if (!areMade) return;
    const missing = images.filter((_, at) => lacks[at]);
    // An archive reads its layers only now.
    await Promise.all(missing.map((image) => putImage(image, destination, push)));
    if (index !== undefined) await putIndex(index, destination, push);
  };
  await Promise.all(push.destinations.map(finishAt));
  return areMade ? { images, root: index ?? images[0]!.manifest } : undefined;
}

async function putImage(
  { config, manifest }: MadeImage,
  destination: Destination,
  { makeIndex, onProgress }: ImagesPush,
): Promise<void> {
  await destination.attempt(async (store, signal) => {
    const { sentBytes } = await store.putBlob(config, { signal });
    destination.countSent(sentBytes);
    if (makeIndex === undefined) return putRoot(manifest, destination, { store, signal, onProgress });
    await store.putManifest(manifest, [], { signal, partOfIndex: true });
  });
}

async function putIndex(
  index: EncodedManifest,
  destination: Destination,
  { onProgress }: ImagesPush,
): Promise<void> {
  const lacking = settlePresent({ manifest: index, destinations: [destination], onProgress });
  if (!(await someLack(lacking))) return;
  await destination.attempt(async (store, signal) =>
    putRoot(index, destination, { store, signal, onProgress }),
  );
}

/** What the tags are to name, and the tags with it. */
async function putRoot(
  root: EncodedManifest,
  { tags }: Destination,
  { store, signal, onProgress }: Pick<ImagesPush, 'onProgress'> & { store: ImageStore; signal: AbortSignal },
): Promise<void> {
  await store.putManifest(root, tags, { signal });
  const reference = `${store.name}@${root.descriptor.digest}`;
  onProgress?.({ type: 'destination-done', destination: store.name, reference });
}
