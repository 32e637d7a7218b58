import { abortError } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';
import type { WorkerPool } from '../../layers/engine/pool.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { Destination } from '../destination/destination.ts';
import { BlobLooks, type WantedBlob } from '../destination/blob-looks.ts';
import { JobQueue } from '../destination/job-queue.ts';
import type { Lacking } from '../destination/lacking.ts';
import { Pace } from '../destination/pace.ts';
import { distinctLayers, type BaseLayer, type Distinct, type LackedImage } from './distinct-layers.ts';
import type { LayerPlan } from './layer-plan.ts';
import { pushBaseLayer } from './push-base-layer.ts';
import type { MadeLayers } from './make-image.ts';
import type { ImagesPush } from './push-images.ts';
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

export interface LayersPush extends Omit<ImagesPush, 'images' | 'makeIndex'> {
  readonly images: readonly LackedImage[];
}

export interface PushedLayers {
  /** All that were not known, unless every destination failed before. */
  readonly made: MadeLayers;
  /** Resolves when a destination has all layers, or has failed. To be awaited for each that lacks an image. */
  readonly arrived: (destination: Destination) => Promise<void>;
}

/**
 * Brings the layers of all images, each once, to those that lack one of the images; done when it is known what all come to,
 * while destinations follow, each at its pace. Known layers are looked for while others are made; only those that are missing somewhere are made or copied.
 */
export async function pushLayers(push: LayersPush, pool: WorkerPool): Promise<PushedLayers> {
  const { images, destinations, jobs, signal: outer, onProgress } = push;
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
  const made = new Map<Digest, LayerFacts>();
  const looks = new BlobLooks(destinations, onProgress);
  const queue = new JobQueue(jobs);
  const pace = new Pace(jobs);
  const begin = (task: Task): BegunTask => {
    const missing = looks.lookFor(task);
    const bringing = queue.run(missing, () => task.bring(missing));
    return { lacking: missing, brought: bringing.catch((error: unknown) => giveUp(error as Error)) };
  };
  try {
    const making = { pool, signal: controller.signal, pace, made };
    const { base, own } = distinctLayers(images);
    const tasks = [
      ...base.map((layer) => baseTask(layer, push, pace)),
      ...own.map((layer) => ownTask(layer, push, making)),
    ];
    // Largest first: whatever is left at the end is small.
    const begun = tasks.sort(byTurn).map((task) => ({ ...task, ...begin(task) }));
    await Promise.all(begun.filter(({ blob }) => blob === undefined).map(({ brought }) => brought));
    return { made, arrived: async (destination) => arrived(destination, begun, pace) };
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
  readonly made: Map<Digest, LayerFacts>;
}

function ownTask(
  { layer, indexes, lacking: whole }: Distinct<LayerPlan>,
  { cache, onProgress }: LayersPush,
  { made, ...making }: Making,
): Task {
  const { narSize: size, known: blob, origin } = layer;
  const bring = async (lacking: Lacking): Promise<void> => {
    const facts = await pushLayer({ ...making, layer, indexes, cache, lacking, onProgress });
    if (facts !== undefined) made.set(layer.recipeDigest, facts);
  };
  return { whole, size, blob, isFromArchive: origin !== undefined, indexes, bring };
}

function baseTask(
  { layer, indexes, lacking: whole }: Distinct<BaseLayer>,
  { onProgress }: LayersPush,
  pace: Pace,
): Task {
  const { descriptor: blob } = layer;
  const bring = async (lacking: Lacking): Promise<void> =>
    pushBaseLayer({ layer, indexes, lacking, pace, onProgress });
  return { whole, size: blob.size, blob, isFromArchive: false, indexes, bring };
}
