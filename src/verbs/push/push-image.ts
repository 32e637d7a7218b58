import { makeConfig } from '../../image/config.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { makeManifest, type EncodedManifest } from '../../image/manifest.ts';
import { OCI_CONFIG } from '../../image/media-types.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { RECIPE_ANNOTATION } from '../../layers/recipe.ts';
import { bytesSource } from '../../stores/bytes-source.ts';
import type { BlobSource } from '../../stores/image-store.ts';
import type { BaseImage } from './base-image.ts';
import { plannedBaseLayers } from './base-plan.ts';
import { failOnAbort, throwIfAllFailed, type Destination } from '../destination/destination.ts';
import { plannedLayer, type LayerPlan } from './layer-plan.ts';
import type { ProgressListener } from '../progress.ts';
import type { PushedLayer, PushResult } from '../push-result.ts';
import { allLack, someLack, type Lacking } from '../destination/lacking.ts';
import { settlePresent } from '../destination/settle-present.ts';

export interface ImagePush {
  readonly base: BaseImage | undefined;
  /** Those that we make; they come on top of the base's. */
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  /** All of the config, where it is written already. */
  readonly document?: Uint8Array;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly destinations: readonly Destination[];
  /** An index that refers to the image follows, and with it the tags. */
  readonly partOfIndex: boolean;
  readonly jobs: number;
  readonly cache: RecipeCache | undefined;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Layers, then config, then manifest, then tags: whoever sees a tag can read all of the image. */
export async function pushImage(push: ImagePush): Promise<PushResult> {
  const stopListening = failOnAbort(push.destinations, push.signal);
  try {
    return await pushAll(push);
  } finally {
    stopListening();
  }
}

async function pushAll(push: ImagePush): Promise<PushResult> {
  const { destinations } = push;
  const foreseen = madeImage(
    push,
    push.layers.map(({ known }) => known),
  );
  const lacking =
    foreseen === undefined ? allLack(destinations) : settlePresent({ ...push, manifest: foreseen.manifest });
  const image = (await someLack(lacking)) ? await pushTo(lacking, push) : foreseen;
  throwIfAllFailed(destinations);
  const { config, manifest, layers } = (foreseen ?? image)!;
  return {
    manifest: manifest.descriptor,
    config: config.id!.digest,
    platform: formatPlatform(push.platform),
    layers,
    destinations: destinations.flatMap((destination) => destination.results(manifest.descriptor.digest)),
  };
}

/** undefined if all of them failed before the image was made. */
async function pushTo(lacking: Lacking, push: ImagePush): Promise<MadeImage | undefined> {
  // Loaded late: a push that finds its image needs none of what makes layers.
  const [{ pushLayers }, { WorkerPool }] = await Promise.all([
    import('./push-layers.ts'),
    import('../../layers/engine/pool.ts'),
  ]);
  const pool = new WorkerPool();
  try {
    const { facts, arrived } = await pushLayers({ ...push, lacking }, pool);
    const image = madeImage(push, facts);
    await Promise.all(
      [...lacking].map(async ([destination, lacks]) => {
        if (!(await lacks)) return;
        await arrived(destination);
        // An archive reads its layers only now.
        if (image !== undefined) await finish(push, destination, image);
      }),
    );
    return image;
  } finally {
    await pool.close();
  }
}

interface MadeImage {
  readonly layers: readonly (PushedLayer & { descriptor: Descriptor })[];
  readonly config: BlobSource;
  readonly manifest: EncodedManifest;
}

/** undefined as long as it is not known what all layers come to. */
function madeImage(push: ImagePush, known: readonly (LayerFacts | undefined)[]): MadeImage | undefined {
  const facts = known.filter((each) => each !== undefined);
  if (facts.length < push.layers.length) return undefined;
  const ours = push.layers.map((layer, at) => pushedLayer(layer, facts[at]!));
  const layers = [...pushedBaseLayers(push.base), ...ours];
  const config = imageConfig(push, facts);
  const manifest = makeManifest({
    config: { mediaType: OCI_CONFIG, ...config.id! },
    layers: layers.map(({ descriptor }) => descriptor),
    ...(push.annotations !== undefined && { annotations: push.annotations }),
  });
  return { layers, config, manifest };
}

function pushedLayer(
  layer: LayerPlan,
  { diffId, digest, size }: LayerFacts,
): PushedLayer & { descriptor: Descriptor } {
  const { origin, recipe, recipeDigest } = layer;
  const descriptor =
    origin?.kind === 'blob'
      ? { mediaType: origin.mediaType, digest, size }
      : {
          mediaType: recipe.codec.mediaType,
          digest,
          size,
          annotations: { [RECIPE_ANNOTATION]: recipeDigest },
        };
  return { ...plannedLayer(layer), diffId, descriptor };
}

function pushedBaseLayers(base: BaseImage | undefined): (PushedLayer & { descriptor: Descriptor })[] {
  if (base === undefined) return [];
  return plannedBaseLayers(base).map((planned, at) => {
    const { descriptor, diffId } = base.layers[at]!;
    return { ...planned, diffId, descriptor };
  });
}

function imageConfig(
  { base, layers, config, document, platform, created }: ImagePush,
  facts: readonly LayerFacts[],
): BlobSource {
  if (document !== undefined) return bytesSource('the config', document);
  const described = layers.map(({ history }, at) => ({ diffId: facts[at]!.diffId, history }));
  const below =
    base === undefined
      ? {}
      : { base: { diffIds: base.layers.map(({ diffId }) => diffId), history: base.history } };
  return bytesSource('the config', makeConfig({ platform, created, config, ...below, layers: described }));
}

async function finish(
  { onProgress, partOfIndex }: ImagePush,
  destination: Destination,
  { config, manifest }: MadeImage,
): Promise<void> {
  await destination.attempt(async (store, signal) => {
    const { sentBytes } = await store.putBlob(config, { signal });
    destination.countSent(sentBytes);
    await store.putManifest(manifest, partOfIndex ? [] : destination.tags, { signal, partOfIndex });
    if (partOfIndex) return;
    const reference = `${store.name}@${manifest.descriptor.digest}`;
    onProgress?.({ type: 'destination-done', destination: store.name, reference });
  });
}
