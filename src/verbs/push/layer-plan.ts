import type { Digest } from '../../base/digest.ts';
import { inSlices } from '../../base/steps.ts';
import type { HistoryEntry } from '../../image/history.ts';
import type { Codec } from '../../layers/codec.ts';
import { expectedDiffId } from '../../layers/content.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { recipeDigest, type LayerRecipe } from '../../layers/recipe.ts';
import type { BlobId, ImageStore } from '../../stores/image-store.ts';
import type { PlannedLayer } from '../progress.ts';
import type { ReusedLayer } from './reuse.ts';

/** Where a layer's bytes come from if they are not made from its recipe. What is read has been checked. */
export type LayerOrigin = TarOrigin | BlobOrigin;

/** A tar that is still to be compressed. */
export interface TarOrigin {
  readonly kind: 'tar';
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A layer that goes as it is. */
export interface BlobOrigin extends BlobId {
  readonly kind: 'blob';
  readonly mediaType: string;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A layer that is decided, not made yet. */
export interface LayerPlan {
  readonly recipe: LayerRecipe;
  readonly recipeDigest: Digest;
  readonly history: HistoryEntry;
  /** Empty for the root layer. */
  readonly paths: readonly string[];
  /** Bytes. */
  readonly narSize: number;
  /** Why these paths share it. */
  readonly reason: string;
  readonly known: LayerFacts | undefined;
  /** Where the layer lies already, as an earlier image says. */
  readonly lies: ImageStore | undefined;
  /** Nobody but that image says what the layer comes to. */
  readonly isReused: boolean;
  /** Where the bytes come from if the recipe alone does not make them. */
  readonly origin?: LayerOrigin;
}

export type LayerDescription = Pick<LayerPlan, 'paths' | 'narSize' | 'reason' | 'history'>;

export interface LayerSettings {
  readonly codec: Codec;
  readonly cache: RecipeCache | undefined;
  /** Layers of earlier images, by recipe. */
  readonly reused: ReadonlyMap<Digest, ReusedLayer>;
}

/** The layer of a recipe, with what is known of it. What was said of it elsewhere must fit what it is to come to. */
export async function planLayer(
  { codec, cache, reused }: LayerSettings,
  { content, ...written }: Omit<LayerRecipe, 'codec'>,
  described: LayerDescription,
  origin?: LayerOrigin,
): Promise<LayerPlan> {
  const recipe = { content, ...written, codec };
  const digest = await inSlices(recipeDigest(recipe));
  const expected = expectedDiffId(content);
  const fits = (diffId: Digest | undefined): boolean => expected === undefined || diffId === expected;
  const remembered = await cache?.get(digest);
  const ours = fits(remembered?.diffId) ? remembered : undefined;
  const found = reused.get(digest);
  const theirs = fits(found?.facts.diffId) ? found : undefined;
  const isTheirs = ours === undefined || ours.digest === theirs?.facts.digest;
  return {
    ...described,
    recipe,
    recipeDigest: digest,
    known: ours ?? theirs?.facts,
    lies: isTheirs ? theirs?.store : undefined,
    isReused: ours === undefined && theirs !== undefined,
    ...(origin !== undefined && { origin }),
  };
}

/** The layer as it is told to those who watch. */
export function plannedLayer({ paths, narSize, recipeDigest, reason, known }: LayerPlan): PlannedLayer {
  return {
    paths,
    narSize,
    recipe: recipeDigest,
    reason,
    ...(known !== undefined && { known: { digest: known.digest, size: known.size } }),
  };
}
