import pLimit from 'p-limit';
import { abortError } from '../../base/errors.ts';
import type { WorkerPool } from '../../layers/engine/pool.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { BlobId } from '../../stores/image-store.ts';
import type { Destination } from '../destination/destination.ts';
import type { StoredLayer } from './layered-image.ts';
import { LOOKS_AT_ONCE, lookForBlob } from '../destination/look-for-blob.ts';
import { Pace } from '../destination/pace.ts';
import { pushBaseLayer } from './push-base-layer.ts';
import type { ImagePush } from './push-image.ts';
import { pushLayer } from './push-layer.ts';

/** Brings one blob to destinations. */
interface Task {
  /** Bytes, roughly. */
  readonly size: number;
  /** Where it is known beforehand, so that it can be looked for. */
  readonly blob: BlobId | undefined;
  readonly isFromArchive: boolean;
  /** Its numbers in the image, from 0. */
  readonly indexes: readonly [number, ...number[]];
  readonly bring: (destinations: readonly Destination[]) => Promise<void>;
}

export interface PushedLayers {
  /** What ours come to, if any destination got them all. */
  readonly facts: readonly (LayerFacts | undefined)[];
  /** Resolves when a destination has all layers, or has failed. */
  readonly arrived: (destination: Destination) => Promise<void>;
}

/**
 * Brings all layers to all destinations that still stand; done when all are made, while slower destinations follow.
 * Known layers are looked for while others are made; only those that are missing somewhere are made or copied.
 */
export async function pushLayers(push: ImagePush, pool: WorkerPool): Promise<PushedLayers> {
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
  const facts = layers.map(({ known }) => known);
  const looking = pLimit(LOOKS_AT_ONCE);
  const working = pLimit(jobs);
  const pace = new Pace(jobs);
  const run = async (task: Task): Promise<void> => {
    try {
      const lacking = await looking(() =>
        lookForBlob({ ...task, destinations, onProgress: push.onProgress }),
      );
      if (lacking.length > 0) await working(() => task.bring(lacking));
    } catch (error) {
      giveUp(error as Error);
    }
  };
  try {
    const making = { pool, signal: controller.signal, pace, facts };
    const tasks = [...baseTasks(push, pace), ...layerTasks(push, making)];
    // Largest first: whatever is left at the end is small. All are waited for, so that nothing works on after a failure.
    await Promise.all(tasks.sort(byTurn).map(run));
    return { facts, arrived: (destination) => pace.arrived(destination) };
  } finally {
    outer?.removeEventListener('abort', onAbort);
  }
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

function layerTasks(push: ImagePush, { facts, ...making }: Making): Task[] {
  const { base, layers, cache, onProgress } = push;
  return layers.map((layer, at) => {
    const index = (base?.layers.length ?? 0) + at;
    const bring = async (destinations: readonly Destination[]): Promise<void> => {
      const made = await pushLayer({ ...making, layer, index, cache, destinations, onProgress });
      facts[at] ??= made;
    };
    const isFromArchive = layer.origin !== undefined;
    return { size: layer.narSize, blob: layer.known, isFromArchive, indexes: [index], bring };
  });
}

/** One for each blob: an image may hold the same layer several times. */
function baseTasks({ base, onProgress }: ImagePush, pace: Pace): Task[] {
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
    bring: (destinations) =>
      pushBaseLayer({ layer, indexes, base: base!.store, destinations, pace, onProgress }),
  }));
}
