import pLimit from 'p-limit';
import { abortError } from '../base/errors.ts';
import { makeConfig } from '../image/config.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import type { ImageConfig } from '../image/image-config.ts';
import { makeManifest, type EncodedManifest } from '../image/manifest.ts';
import { OCI_CONFIG } from '../image/media-types.ts';
import { formatPlatform } from '../image/platform.ts';
import { WorkerPool } from '../layers/engine/pool.ts';
import type { LayerFacts } from '../layers/layer-blob.ts';
import type { RecipeCache } from '../layers/recipe-cache.ts';
import { bytesSource } from '../stores/bytes-source.ts';
import type { BlobSource } from '../stores/image-store.ts';
import type { Destination } from './destination.ts';
import { plannedLayer, type LayerPlan } from './plan-image.ts';
import type { ProgressListener } from './progress.ts';
import { pushLayer } from './push-layer.ts';
import type { PushedLayer, PushResult } from './push.ts';

/** Says which recipe a layer was made by, so that whoever has the recipe need not make the layer again. */
export const RECIPE_ANNOTATION = 'dev.nixpush.recipe';

export interface ImagePush {
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly destinations: readonly Destination[];
  readonly jobs: number;
  readonly cache: RecipeCache | undefined;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Layers, then config, then manifest, then tags: whoever sees a tag can read all of the image. */
export async function pushImage(push: ImagePush): Promise<PushResult> {
  const { destinations } = push;
  const facts = await pushLayers(push);
  const layers = push.layers.map((layer, at) => pushedLayer(layer, facts[at]!));
  const config = imageConfig(push, facts);
  const manifest = makeManifest({
    config: { mediaType: OCI_CONFIG, ...config.id! },
    layers: layers.map(({ descriptor }) => descriptor),
    ...(push.annotations !== undefined && { annotations: push.annotations }),
  });
  await Promise.all(destinations.map((destination) => finish(push, destination, config, manifest)));
  throwIfAllFailed(destinations);
  return {
    manifest: manifest.descriptor,
    config: config.id!.digest,
    platform: formatPlatform(push.platform),
    layers,
    destinations: destinations.flatMap((destination) => destination.results(manifest.descriptor.digest)),
  };
}

/** Facts of every layer once all are at every destination that still stands. */
async function pushLayers(push: ImagePush): Promise<LayerFacts[]> {
  const { layers, destinations, jobs, signal: outer } = push;
  const controller = new AbortController();
  const giveUp = (error: Error): void => {
    controller.abort(error);
    for (const destination of destinations) destination.fail(error);
  };
  const onAbort = (): void => {
    giveUp(abortError(outer!));
  };
  outer?.addEventListener('abort', onAbort);
  if (outer?.aborted === true) onAbort();
  const pool = new WorkerPool();
  const limit = pLimit(jobs);
  const facts: LayerFacts[] = [];
  try {
    // Largest first: whatever is left at the end is small. All are waited for, so that nothing works on after a failure.
    const order = layers
      .map((layer, index) => ({ layer, index }))
      .sort((a, b) => b.layer.narSize - a.layer.narSize);
    await Promise.all(
      order.map(({ layer, index }) =>
        limit(async () => {
          try {
            const made = await pushLayer({ ...push, layer, index, pool, signal: controller.signal });
            if (made !== undefined) facts[index] = made;
          } catch (error) {
            giveUp(error as Error);
          }
        }),
      ),
    );
    throwIfAllFailed(destinations);
    return facts;
  } finally {
    outer?.removeEventListener('abort', onAbort);
    await pool.close();
  }
}

function throwIfAllFailed(destinations: readonly Destination[]): void {
  const errors = destinations.flatMap(({ error }) => error ?? []);
  if (errors.length === destinations.length) throw errors[0]!;
}

function pushedLayer(
  layer: LayerPlan,
  { diffId, digest, size }: LayerFacts,
): PushedLayer & { descriptor: Descriptor } {
  const { mediaType } = layer.recipe.codec;
  const annotations = { [RECIPE_ANNOTATION]: layer.recipeDigest };
  return { ...plannedLayer(layer), diffId, descriptor: { mediaType, digest, size, annotations } };
}

function imageConfig(
  { layers, config, platform, created }: ImagePush,
  facts: readonly LayerFacts[],
): BlobSource {
  const described = layers.map(({ history }, at) => ({ diffId: facts[at]!.diffId, history }));
  return bytesSource('the config', makeConfig({ platform, created, config, layers: described }));
}

async function finish(
  { onProgress }: ImagePush,
  destination: Destination,
  config: BlobSource,
  manifest: EncodedManifest,
): Promise<void> {
  await destination.attempt(async (store, signal) => {
    const { sentBytes } = await store.putBlob(config, { signal });
    destination.countSent(sentBytes);
    await store.putManifest(manifest, destination.tags, { signal });
    const reference = `${store.name}@${manifest.descriptor.digest}`;
    onProgress?.({ type: 'destination-done', destination: store.name, reference });
  });
}
