import { bytesSource } from '../../stores/bytes-source.ts';
import type { BlobSource } from '../../stores/image-store.ts';
import type { WorkerPool } from '../../layers/engine/pool.ts';
import { expectedDiffId } from '../../layers/content.ts';
import type { RawBlock } from '../../layers/engine/protocol.ts';
import { recipeBlocks } from '../../layers/engine/recipe-blocks.ts';
import { LayerBlob, type LayerFacts } from '../../layers/layer-blob.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { tarBlocks } from '../../layers/tar-blocks.ts';
import { distribute } from '../destination/distribute.ts';
import type { Lacking } from '../destination/lacking.ts';
import type { LayerNumbers } from './distinct-layers.ts';
import type { BlobOrigin, LayerPlan } from './layer-plan.ts';
import type { Pace } from '../destination/pace.ts';
import type { ProgressListener } from '../progress.ts';
import { reusedBlob } from './reused-blob.ts';
import { storedBlob } from '../copy/stored-blob.ts';

/** Up to this narSize in bytes a layer is made in memory first: then its digest is known, and it is sent only where it is missing. */
const SMALL_LAYER = 4 * 2 ** 20;

export interface LayerPush {
  readonly layer: LayerPlan;
  readonly indexes: LayerNumbers;
  readonly pool: WorkerPool;
  readonly cache: RecipeCache | undefined;
  readonly lacking: Lacking;
  readonly pace: Pace;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal;
}

/** Brings one layer to destinations that lack it; done when one of them has it. Throws what reading it throws. */
export async function pushLayer(push: LayerPush): Promise<LayerFacts | undefined> {
  const { layer, indexes, lacking, pool, cache, pace, onProgress, signal } = push;
  const [index] = indexes;
  const destinations = [...lacking.keys()].filter(({ error }) => error === undefined);
  if (destinations.length === 0) return undefined;
  const wanted = { indexes, lacking, pace, onProgress };
  onProgress?.({ type: 'layer-start', layer: index });
  if (layer.origin?.kind === 'blob') {
    await distribute({ ...wanted, source: readyBlob(push, layer.origin) });
    return layer.known;
  }
  const diffId = expectedDiffId(layer.recipe.content);
  const blob = new LayerBlob(pool, {
    blocks: () => blocksOf(layer, pool),
    codec: layer.recipe.codec,
    ...(diffId !== undefined && { diffId }),
    what: `layer ${index + 1}`,
    ...(layer.known !== undefined && { known: layer.known }),
    key: layer.recipeDigest,
    onBlock: (read, written) => onProgress?.({ type: 'layer-bytes', layer: index, read, written }),
    // Before any destination can have the whole layer: a push that is killed then and started again need not send it.
    ...(cache !== undefined && { onMade: async (facts) => cache.set(layer.recipeDigest, facts) }),
  });
  // An archive would keep those in memory until all layers are known: it opens its sources once more when it is written.
  const isKept = destinations.some(({ store }) => store.holdsOneImage === true);
  // What nix2container says of a size is not believed: it may be a large layer all the same.
  const isSmall = layer.narSize <= SMALL_LAYER && layer.recipe.content.kind !== 'nix2container';
  const makeFirst = layer.known === undefined && isSmall && !isKept;
  if (makeFirst) {
    const source = bytesSource(blob.what, await collect(blob, signal));
    await distribute({ ...wanted, source, again: blob });
    return blob.facts;
  }
  const source = layer.lies !== undefined && layer.isReused ? reusedBlob(blob, layer.lies) : blob;
  const isMissing = layer.known !== undefined;
  await distribute({ ...wanted, source, mountFrom: layer.lies, isMissing });
  return blob.facts;
}

function blocksOf({ recipe, origin }: LayerPlan, pool: WorkerPool): AsyncIterable<RawBlock> {
  if (origin?.kind !== 'tar') return recipeBlocks(pool, recipe);
  return tarBlocks(origin.open(), expectedDiffId(recipe.content)!, recipe.codec);
}

function readyBlob({ indexes: [index], onProgress }: LayerPush, { open, ...id }: BlobOrigin): BlobSource {
  return storedBlob({ getBlob: open }, id, {
    what: `layer ${index + 1}`,
    onBytes: (bytes) => onProgress?.({ type: 'layer-bytes', layer: index, read: bytes, written: bytes }),
  });
}

async function collect(source: BlobSource, signal: AbortSignal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.open(0, signal)) pieces.push(Buffer.from(piece));
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
