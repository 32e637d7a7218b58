import type { Digest } from '../base/digest.ts';
import { usageError } from '../base/errors.ts';
import type { HistoryEntry } from '../image/history.ts';
import { rootLayerHistory, storeLayerHistory } from '../image/history.ts';
import type { Codec } from '../layers/codec.ts';
import type { LayerContent } from '../layers/content.ts';
import { linkFarm } from '../layers/link-farm.ts';
import type { LayerFacts } from '../layers/layer-blob.ts';
import { planLayers, type LayerStrategy } from '../layers/plan/plan.ts';
import type { RecipeCache } from '../layers/recipe-cache.ts';
import { recipeDigest, ROOT_OWNER, type LayerRecipe } from '../layers/recipe.ts';
import type { Closure, ClosurePath, TreeLocation } from '../nix/closure.ts';
import type { PlannedLayer } from './progress.ts';

export interface PlanOptions {
  closure: Closure;
  trees: TreeLocation;
  /** In all, the root layer counted. */
  maxLayers: number;
  strategy: LayerStrategy;
  codec: Codec;
  /** Make a root layer. */
  links: boolean;
  /** RFC 3339, for the history. */
  created: string;
  cache: RecipeCache | undefined;
  warn: (message: string) => void;
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
  readonly known: LayerFacts | undefined;
}

/** The image's layers, lowest first: store paths, then the root layer, so that an update of a program touches few. */
export async function planImage(options: PlanOptions): Promise<LayerPlan[]> {
  const { closure, maxLayers, strategy, links } = options;
  const rootLayer = links ? rootContent(options) : undefined;
  const budget = maxLayers - (rootLayer === undefined ? 0 : 1);
  if (budget < 1)
    throw usageError(
      `--max-layers ${maxLayers} leaves no layer for store paths`,
      'Raise it, or leave out the root layer with --no-links.',
    );
  const byPath = new Map(closure.paths.map((path) => [path.path, path]));
  const groups = planLayers(closure.paths, { strategy, budget });
  const plans = groups.map((group) =>
    storeLayer(
      options,
      group.map((path) => byPath.get(path)!),
    ),
  );
  if (rootLayer !== undefined)
    plans.push(plan(options, rootLayer, [], 0, rootLayerHistory(closure.roots, options.created)));
  return Promise.all(plans);
}

/** The layer as it is told to those who watch. */
export function plannedLayer({ paths, narSize, recipeDigest, known }: LayerPlan): PlannedLayer {
  return {
    paths,
    narSize,
    recipe: recipeDigest,
    ...(known !== undefined && { known: { digest: known.digest, size: known.size } }),
  };
}

async function storeLayer(options: PlanOptions, paths: readonly ClosurePath[]): Promise<LayerPlan> {
  const content: LayerContent = {
    kind: 'store-paths',
    trees: options.trees,
    paths: paths.map(({ path, narHash, narSize }) => ({ path, narHash, narSize })),
  };
  const names = paths.map(({ path }) => path);
  const narSize = paths.reduce((sum, path) => sum + path.narSize, 0);
  return plan(options, content, names, narSize, storeLayerHistory(names, options.created));
}

/** undefined if there is nothing to link. */
function rootContent({ closure, trees, warn }: PlanOptions): LayerContent | undefined {
  const { entries, conflicts } = linkFarm(trees, closure.roots);
  for (const { path, used, ignored } of conflicts)
    warn(`${path} is in two of the paths: it links to ${used}, not to ${ignored}`);
  return entries.length === 0 ? undefined : { kind: 'entries', entries };
}

async function plan(
  { codec, cache }: PlanOptions,
  content: LayerContent,
  paths: readonly string[],
  narSize: number,
  history: HistoryEntry,
): Promise<LayerPlan> {
  const recipe = { content, owner: ROOT_OWNER, codec };
  const digest = recipeDigest(recipe);
  return { recipe, recipeDigest: digest, history, paths, narSize, known: await cache?.get(digest) };
}
