import { abortError } from '../../base/errors.ts';
import type { WorkerPool } from '../../layers/engine/pool.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { Destination } from '../destination/destination.ts';
import type { StoredLayer } from './layered-image.ts';
import { BlobLooks, type WantedBlob } from '../destination/blob-looks.ts';
import { JobQueue } from '../destination/job-queue.ts';
import type { Lacking } from '../destination/lacking.ts';
import { Pace } from '../destination/pace.ts';
import { pushBaseLayer } from './push-base-layer.ts';
import type { ImagePush } from './push-image.ts';
import { pushLayer } from './push-layer.ts';

/** Brings one blob to destinations. */
interface Task extends WantedBlob {
  /** Bytes, roughly. */
  readonly size: number;
  readonly isFromArchive: boolean;
  readonly bring: (lacking: Lacking) => Promise<void>;
}

interface BegunTask {
  readonly lacking: Lacking;
  /** Resolves when the first of those that lack the blob has it. */
  readonly brought: Promise<void>;
}

export interface LayersPush extends Omit<ImagePush, 'destinations'> {
  /** Who lacks the image. */
  readonly lacking: Lacking;
}

export interface PushedLayers {
  /** What ours come to, if any destination got them all. */
  readonly facts: readonly (LayerFacts | undefined)[];
  /** Resolves when a destination has all layers, or has failed. To be awaited for each that lacks the image. */
  readonly arrived: (destination: Destination) => Promise<void>;
}

/**
 * Brings all layers to those that lack the image; done when it is known what all come to, while destinations follow, each
 * at its pace. Known layers are looked for while others are made; only those that are missing somewhere are made or copied.
 */
export async function pushLayers(push: LayersPush, pool: WorkerPool): Promise<PushedLayers> {
  const { layers, lacking, jobs, signal: outer, onProgress } = push;
  const controller = new AbortController();
  const giveUp = (error: Error): void => {
    controller.abort(error);
    for (const destination of lacking.keys()) destination.fail(error);
  };
  const onAbort = (): void => {
    giveUp(abortError(outer!));
  };
  outer?.addEventListener('abort', onAbort);
  if (outer?.aborted === true) onAbort();
  const facts = layers.map(({ known }) => known);
  const looks = new BlobLooks(lacking, onProgress);
  const queue = new JobQueue(jobs);
  const pace = new Pace(jobs);
  const begin = (task: Task): BegunTask => {
    const missing = looks.lookFor(task);
    const bringing = queue.run(missing, () => task.bring(missing));
    return { lacking: missing, brought: bringing.catch((error: unknown) => giveUp(error as Error)) };
  };
  try {
    const making = { pool, signal: controller.signal, pace, facts };
    const tasks = [...baseTasks(push, pace), ...layerTasks(push, making)];
    // Largest first: whatever is left at the end is small.
    const begun = tasks.sort(byTurn).map((task) => ({ ...task, ...begin(task) }));
    await Promise.all(begun.filter(({ blob }) => blob === undefined).map(({ brought }) => brought));
    return { facts, arrived: async (destination) => arrived(destination, begun, pace) };
  } finally {
    outer?.removeEventListener('abort', onAbort);
  }
}

async function arrived(destination: Destination, begun: readonly BegunTask[], pace: Pace): Promise<void> {
  await Promise.all(
    begun.map(async ({ lacking, brought }) => {
      if (await lacking.get(destination)) await brought;
    }),
  );
  await pace.arrived(destination);
}

/** Layers of an archive come in its order, for what lies further in front is read all over again. */
function byTurn(a: Task, b: Task): number {
  return Number(b.isFromArchive) - Number(a.isFromArchive) || (a.isFromArchive ? 0 : b.size - a.size);
}

interface Making {
  readonly pool: WorkerPool;
  readonly signal: AbortSignal;
  readonly pace: Pace;
  /** Of each layer; completed as they are made. */
  readonly facts: (LayerFacts | undefined)[];
}

function layerTasks(push: LayersPush, { facts, ...making }: Making): Task[] {
  const { base, layers, cache, onProgress } = push;
  return layers.map((layer, at) => {
    const index = (base?.layers.length ?? 0) + at;
    const bring = async (lacking: Lacking): Promise<void> => {
      const made = await pushLayer({ ...making, layer, index, cache, lacking, onProgress });
      facts[at] ??= made;
    };
    const isFromArchive = layer.origin !== undefined;
    return { size: layer.narSize, blob: layer.known, isFromArchive, indexes: [index], bring };
  });
}

/** One for each blob: an image may hold the same layer several times. */
function baseTasks({ base, onProgress }: LayersPush, pace: Pace): Task[] {
  const blobs = new Map<string, { layer: StoredLayer; indexes: [number, ...number[]] }>();
  for (const [index, layer] of (base?.layers ?? []).entries()) {
    const known = blobs.get(layer.descriptor.digest);
    if (known === undefined) blobs.set(layer.descriptor.digest, { layer, indexes: [index] });
    else known.indexes.push(index);
  }
  return [...blobs.values()].map(({ layer, indexes }) => ({
    size: layer.descriptor.size,
    blob: layer.descriptor,
    isFromArchive: false,
    indexes,
    bring: (lacking) => pushBaseLayer({ layer, indexes, base: base!.store, lacking, pace, onProgress }),
  }));
}
