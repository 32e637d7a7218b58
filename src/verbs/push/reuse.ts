import { isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Platform } from '../../image/descriptor.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { EarlierPlan } from '../../layers/plan/earlier-plan.ts';
import { RECIPE_ANNOTATION } from '../../layers/recipe.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { parseReference } from '../../stores/reference.ts';
import type { Destination } from '../destination/destination.ts';
import { readLayeredImage, type StoredLayer } from './layered-image.ts';
import { someAreLate } from '../destination/lacking.ts';
import { manifestName } from '../manifest-name.ts';
import { openImageStore, type OpenStoreOptions } from '../open-store.ts';

/** A layer that an earlier image has, and what that image says of it: nobody has checked it. */
export interface ReusedLayer {
  readonly facts: LayerFacts;
  readonly store: ImageStore;
}

/** What can be had from earlier images. Its stores are open until it is closed. */
export interface Reuse {
  /** By recipe. */
  readonly layers: ReadonlyMap<Digest, ReusedLayer>;
  /** The layers of the first of them. */
  readonly plan: EarlierPlan | undefined;
  close(): Promise<void>;
}

export interface ReuseOptions extends OpenStoreOptions {
  readonly platform: Platform;
  /** Layers of other types are of no use. */
  readonly mediaType: string;
}

/** Stands for the tags that are being pushed, at each destination. */
const AUTO = 'auto';

interface EarlierImage {
  readonly store: ImageStore;
  readonly layers: readonly StoredLayer[];
}

/**
 * Looks the earlier images up. One that was named must be there; what `auto` stands for need not, as in the very first
 * push. No layer is read. Throws what reading a named one throws.
 */
export async function openReuse(
  references: readonly string[],
  destinations: readonly Destination[],
  options: ReuseOptions,
): Promise<Reuse> {
  const opened: ImageStore[] = [];
  const close = async (): Promise<void> => void (await Promise.all(opened.map((store) => store.close())));
  try {
    const images = await Promise.all(
      references.map(async (text) => {
        if (text === AUTO) return imagesBeingReplaced(destinations, options);
        const reference = parseReference(text);
        const store = await openImageStore(reference, options);
        opened.push(store);
        return [await readImage(store, manifestName(reference), options)];
      }),
    );
    return { ...reuseOf(images.flat(), options.mediaType), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function reuseOf(images: readonly EarlierImage[], mediaType: string): Omit<Reuse, 'close'> {
  const layers = new Map<Digest, ReusedLayer>();
  for (const image of images)
    for (const { descriptor, diffId } of image.layers) {
      const { digest, size, annotations } = descriptor;
      const recipe = annotations?.[RECIPE_ANNOTATION];
      if (!isDigest(recipe) || descriptor.mediaType !== mediaType || layers.has(recipe)) continue;
      layers.set(recipe, { facts: { diffId, digest, size }, store: image.store });
    }
  const first = images[0]?.layers.map(({ paths }) => paths).filter((paths) => paths.length > 0);
  return { layers, plan: first === undefined ? undefined : { layers: first } };
}

async function imagesBeingReplaced(
  destinations: readonly Destination[],
  options: ReuseOptions,
): Promise<EarlierImage[]> {
  const late = new AbortController();
  const signals = [late.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const reading = { ...options, signal: AbortSignal.any(signals) };
  const found = destinations.flatMap(({ store, tags }) =>
    // A new archive replaces a whole file.
    store.holdsOneImage === true ? [] : tags.map(async (tag) => imageIfAny(store, tag, reading)),
  );
  // One that does not answer must not hold up the plan for the others.
  if (await someAreLate(found)) late.abort(new NixpushError('ERR_NETWORK', 'it did not come in time'));
  const images = await Promise.all(found);
  return images.filter((image) => image !== undefined);
}

/** A push must not fail because what it is about to replace is missing or broken. */
async function imageIfAny(
  store: ImageStore,
  tag: string,
  options: ReuseOptions,
): Promise<EarlierImage | undefined> {
  try {
    return await readImage(store, tag, options);
  } catch (error) {
    const { code, message } = error as NixpushError;
    if (!(error instanceof NixpushError) || code === 'ERR_ABORTED') throw error;
    const isMissing = code === 'ERR_NOT_FOUND';
    options.onProgress?.(
      isMissing
        ? { type: 'note', message: `nothing to reuse: there is no ${store.name}:${tag} yet` }
        : { type: 'warning', message: `${store.name}:${tag} is not reused: ${message}` },
    );
    return undefined;
  }
}

async function readImage(
  store: ImageStore,
  name: string,
  { platform, signal }: ReuseOptions,
): Promise<EarlierImage> {
  const reading = signal === undefined ? {} : { signal };
  const root = await store.getManifest(name, reading);
  const { layers } = await readLayeredImage(store, root, { what: 'the image', platform, ...reading });
  return { store, layers };
}
