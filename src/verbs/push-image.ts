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
import { RECIPE_ANNOTATION } from '../layers/recipe.ts';
import { bytesSource } from '../stores/bytes-source.ts';
import type { BlobSource } from '../stores/image-store.ts';
import type { BaseImage, BaseLayer } from './base-image.ts';
import { plannedBaseLayers } from './base-plan.ts';
import { failOnAbort, parallelBlobs, throwIfAllFailed, type Destination } from './destination.ts';
import { pushBaseLayer } from './push-base-layer.ts';
import { plannedLayer, type LayerPlan } from './plan-image.ts';
import type { ProgressListener } from './progress.ts';
import { pushLayer } from './push-layer.ts';
import type { PushedLayer, PushResult } from './push-result.ts';

export interface ImagePush {
  readonly base: BaseImage | undefined;
  /** Those that we make; they come on top of the base's. */
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
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
  const pool = new WorkerPool();
  try {
    return await pushAll(push, pool);
  } finally {
    stopListening();
    await pool.close();
  }
}

async function pushAll(push: ImagePush, pool: WorkerPool): Promise<PushResult> {
  const { destinations } = push;
  const facts = await pushLayers(push, pool);
  const ours = push.layers.map((layer, at) => pushedLayer(layer, facts[at]!));
  const layers = [...pushedBaseLayers(push.base), ...ours];
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
async function pushLayers(push: ImagePush, pool: WorkerPool): Promise<LayerFacts[]> {
  const { base, layers, destinations, jobs, signal: outer } = push;
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
  const limit = pLimit(await parallelBlobs(destinations, jobs));
  const facts: LayerFacts[] = [];
  try {
    const ours = layers.map((layer, at): Task => {
      const index = (base?.layers.length ?? 0) + at;
      const run = async (): Promise<void> => {
        const made = await pushLayer({ ...push, layer, index, pool, signal: controller.signal });
        if (made !== undefined) facts[at] = made;
      };
      return { size: layer.narSize, run };
    });
    // Largest first: whatever is left at the end is small. All are waited for, so that nothing works on after a failure.
    const tasks = [...baseTasks(push), ...ours].sort((a, b) => b.size - a.size);
    await Promise.all(
      tasks.map(({ run }) =>
        limit(async () => {
          try {
            await run();
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
  }
}

/** Brings one layer to all destinations. `size` in bytes, roughly. */
interface Task {
  readonly size: number;
  readonly run: () => Promise<void>;
}

/** One for each blob: an image may hold the same layer several times. */
function baseTasks({ base, destinations, onProgress }: ImagePush): Task[] {
  const tasks = new Map<string, { layer: BaseLayer; indexes: [number, ...number[]] }>();
  for (const [index, layer] of (base?.layers ?? []).entries()) {
    const known = tasks.get(layer.descriptor.digest);
    if (known === undefined) tasks.set(layer.descriptor.digest, { layer, indexes: [index] });
    else known.indexes.push(index);
  }
  return [...tasks.values()].map((task) => ({
    size: task.layer.descriptor.size,
    run: () => pushBaseLayer({ ...task, base: base!.store, destinations, onProgress }),
  }));
}

function pushedLayer(
  layer: LayerPlan,
  { diffId, digest, size }: LayerFacts,
): PushedLayer & { descriptor: Descriptor } {
  const { mediaType } = layer.recipe.codec;
  const annotations = { [RECIPE_ANNOTATION]: layer.recipeDigest };
  return { ...plannedLayer(layer), diffId, descriptor: { mediaType, digest, size, annotations } };
}

function pushedBaseLayers(base: BaseImage | undefined): (PushedLayer & { descriptor: Descriptor })[] {
  if (base === undefined) return [];
  return plannedBaseLayers(base).map((planned, at) => {
    const { descriptor, diffId } = base.layers[at]!;
    return { ...planned, diffId, descriptor };
  });
}

function imageConfig(
  { base, layers, config, platform, created }: ImagePush,
  facts: readonly LayerFacts[],
): BlobSource {
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
  config: BlobSource,
  manifest: EncodedManifest,
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
