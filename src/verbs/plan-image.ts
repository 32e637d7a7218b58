import type { Digest } from '../base/digest.ts';
import { usageError } from '../base/errors.ts';
import type { HistoryEntry } from '../image/history.ts';
import { rootLayerHistory, storeLayerHistory } from '../image/history.ts';
import type { BaseTree } from '../layers/base-tree.ts';
import type { Codec } from '../layers/codec.ts';
import type { LayerContent } from '../layers/content.ts';
import { linkFarm, type LinkFarm } from '../layers/link-farm.ts';
import type { LayerFacts } from '../layers/layer-blob.ts';
import { overBase } from '../layers/over-base.ts';
import { planLayers, type LayerStrategy } from '../layers/plan/plan.ts';
import type { LayerWeights } from '../layers/plan/weights.ts';
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
  weights: LayerWeights | undefined;
  codec: Codec;
  /** Make a root layer. */
  links: boolean;
  /** RFC 3339, for the history. */
  created: string;
  cache: RecipeCache | undefined;
  warn: (message: string) => void;
  base?: BasePlan;
}

/** What the base image brings along. */
export interface BasePlan {
  readonly layers: number;
  /** Store paths in it; they are not planned again. */
  readonly paths: ReadonlySet<string>;
  /** Of layers in it. */
  readonly recipes: ReadonlySet<Digest>;
  /** Its files, which the root layer must respect. Asked for only if there is a root layer. */
  readonly tree: () => Promise<BaseTree>;
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

/**
 * The layers that we make, lowest first: store paths, then the root layer, so that an update of a program touches few.
 * Throws ERR_USAGE if there is no room for them.
 */
export async function planImage(options: PlanOptions): Promise<LayerPlan[]> {
  const { closure, trees, strategy, weights, links, base } = options;
  const farm = links ? linkFarm(trees, closure.roots) : undefined;
  const hasRootLayer = farm !== undefined && farm.entries.length > 0;
  const lacking = closure.paths.filter(({ path }) => base?.paths.has(path) !== true);
  const budget = budgetFor(options, lacking.length > 0, hasRootLayer);
  const byPath = new Map(lacking.map((path) => [path.path, path]));
  const groups =
    lacking.length === 0 ? [] : planLayers(lacking, { strategy, budget, ...(weights && { weights }) });
  const storeLayers = await Promise.all(
    groups.map((group) =>
      storeLayer(
        options,
        group.map((path) => byPath.get(path)!),
      ),
    ),
  );
  const plans = storeLayers.filter(({ recipeDigest: recipe }) => base?.recipes.has(recipe) !== true);
  return hasRootLayer ? [...plans, await rootLayer(options, farm)] : plans;
}

/** Layers that are left for store paths. */
function budgetFor(
  { maxLayers, links, base }: PlanOptions,
  hasStorePaths: boolean,
  hasRootLayer: boolean,
): number {
  const inBase = base?.layers ?? 0;
  const budget = maxLayers - inBase - (hasRootLayer ? 1 : 0);
  if (budget >= (hasStorePaths ? 1 : 0)) return budget;
  const parts = [
    ...(base === undefined ? [] : [`${inBase} of the base image`]),
    ...(hasRootLayer ? ['1 for the links at /'] : []),
    ...(hasStorePaths ? ['at least 1 for store paths'] : []),
  ];
  throw usageError(
    `--max-layers ${maxLayers} is not enough: there are ${parts.join(', ')}`,
    links ? 'Raise it, or leave out the root layer with --no-links.' : 'Raise it.',
  );
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

async function rootLayer(options: PlanOptions, farm: LinkFarm): Promise<LayerPlan> {
  const { closure, trees, base, created, warn } = options;
  const fitted = base === undefined ? { ...farm, replaced: [] } : overBase(farm, await base.tree(), trees);
  const { entries, conflicts, replaced } = fitted;
  if (replaced.length > 0) warn(replacedMessage(replaced));
  for (const { path, used, ignored } of conflicts)
    warn(`${path} is in two of the paths: it links to ${used}, not to ${ignored}`);
  return plan(options, { kind: 'entries', entries }, [], 0, rootLayerHistory(closure.roots, created));
}

function replacedMessage(replaced: readonly string[]): string {
  const more = replaced.length > 3 ? ` and ${replaced.length - 3} more` : '';
  return `links take the place of files of the base image: ${replaced.slice(0, 3).join(', ')}${more}`;
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
