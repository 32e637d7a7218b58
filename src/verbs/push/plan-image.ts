import type { Digest } from '../../base/digest.ts';
import { usageError } from '../../base/errors.ts';
import { inSlices } from '../../base/steps.ts';
import { rootLayerHistory, storeLayerHistory } from '../../image/history.ts';
import type { BaseTree } from '../../layers/base-tree.ts';
import type { Codec } from '../../layers/codec.ts';
import type { LayerContent, PermissionRule } from '../../layers/content.ts';
import { contentSize } from '../../layers/file-content.ts';
import { linkFarm } from '../../layers/link-farm.ts';
import { overBase, type RootFiles } from '../../layers/over-base.ts';
import { pathsIn, permissionsOf, permittedEntry, rulesFor } from '../../layers/permissions.ts';
import { planInputs, samePlan, type EarlierPlan } from '../../layers/plan/earlier-plan.ts';
import type { ExplainedLayer } from '../../layers/plan/explain.ts';
import type { LayersByHand } from '../../layers/plan/layers-by-hand.ts';
import type { LayerStrategy } from '../../layers/plan/plan.ts';
import type { LayerWeights } from '../../layers/plan/weights.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { ROOT_OWNER, type TarOwner } from '../../layers/recipe.ts';
import type { TarFormat } from '../../layers/tar-format.ts';
import type { Closure, ClosurePath } from '../../nix/closure.ts';
import type { TreeListings } from '../../nix/tree-listings.ts';
import { planLayer, type LayerDescription, type LayerPlan } from './layer-plan.ts';
import type { ReusedLayer } from './reuse.ts';

export interface PlanOptions {
  closure: Closure;
  trees: TreeListings;
  /** In all, the root layer counted. */
  maxLayers: number;
  strategy: LayerStrategy | LayersByHand;
  weights: LayerWeights | undefined;
  /** How an earlier image was planned: what did not change stays as it is. */
  earlier: EarlierPlan | undefined;
  codec: Codec;
  format: TarFormat;
  /** Make a root layer. */
  links: boolean;
  /** What is in it. Default: links to the files of the closure's roots. */
  root?: RootFiles;
  /** Of the store paths. Default: as nixpkgs' streamLayeredImage. */
  owner?: TarOwner;
  /** Modes and owners that are not the store's. */
  permissions?: readonly PermissionRule[];
  /** RFC 3339, for the history. */
  created: string;
  cache: RecipeCache | undefined;
  /** Layers of earlier images, by recipe. */
  reused: ReadonlyMap<Digest, ReusedLayer>;
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

export interface ImagePlan {
  /** Lowest first: store paths, then the root layer, so that an update of a program touches few. */
  readonly layers: readonly LayerPlan[];
  /** To be remembered for the next push. */
  readonly record: EarlierPlan;
  /** Why the unchanged layers of the earlier image could not stay; undefined if they did or there are none. */
  readonly anew: string | undefined;
}

/** Throws ERR_USAGE if there is no room for the layers. */
export async function planImage(options: PlanOptions): Promise<ImagePlan> {
  const { closure, trees, links, base } = options;
  const farm = links ? (options.root ?? (await inSlices(linkFarm(trees, closure.roots)))) : undefined;
  const hasRootLayer = farm !== undefined && farm.entries.length > 0;
  const lacking = closure.paths.filter(({ path }) => base?.paths.has(path) !== true);
  const budget = budgetFor(options, lacking.length > 0, hasRootLayer);
  const byPath = new Map(lacking.map((path) => [path.path, path]));
  const { groups, anew, record } = await planGroups(options, lacking, budget);
  const storeLayers = await Promise.all(
    groups.map(({ paths, reason }) =>
      storeLayer(
        options,
        paths.map((path) => byPath.get(path)!),
        reason,
      ),
    ),
  );
  const inBase = (recipe: Digest): boolean => base?.recipes.has(recipe) === true;
  const plans = storeLayers.filter(({ recipeDigest: recipe }) => !inBase(recipe));
  return { layers: hasRootLayer ? [...plans, await rootLayer(options, farm)] : plans, anew, record };
}

interface PlannedGroups {
  readonly groups: readonly ExplainedLayer[];
  readonly anew: string | undefined;
  readonly record: EarlierPlan;
}

/** Which store paths share a layer. */
async function planGroups(
  { strategy, weights, earlier }: PlanOptions,
  paths: readonly ClosurePath[],
  budget: number,
): Promise<PlannedGroups> {
  const options = { strategy, budget, ...(weights && { weights }) };
  const inputs = planInputs(paths, options);
  const same = samePlan(earlier, inputs, paths);
  if (same !== undefined) return { groups: same, anew: undefined, record: { ...earlier!, inputs } };
  // Loaded late: of an unchanged image nothing is planned.
  const { explainLayers } = await import('../../layers/plan/plan.ts');
  const { layers, anew } =
    paths.length === 0
      ? { layers: [], anew: undefined }
      : await inSlices(explainLayers(paths, { ...options, ...(earlier && { earlier: earlier.layers }) }));
  return { groups: layers, anew, record: { inputs, layers: layers.map((layer) => layer.paths) } };
}

/** Layers that are left for store paths. */
function budgetFor(
  { maxLayers, links, root, base }: PlanOptions,
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
    links && root === undefined ? 'Raise it, or leave out the root layer with --no-links.' : 'Raise it.',
  );
}

async function storeLayer(
  options: PlanOptions,
  paths: readonly ClosurePath[],
  reason: string,
): Promise<LayerPlan> {
  const content: LayerContent = {
    kind: 'store-paths',
    trees: options.trees.trees,
    paths: paths.map(({ path, narHash, narSize }) => ({ path, narHash, narSize })),
    ...permissionsFor(options, paths),
  };
  const names = paths.map(({ path }) => path);
  const narSize = paths.reduce((sum, path) => sum + path.narSize, 0);
  const history = storeLayerHistory(names, options.created);
  return plan(options, content, { paths: names, narSize, reason, history });
}

/** A layer that no rule says anything about is the same as without rules. */
function permissionsFor(
  { permissions = [], trees }: PlanOptions,
  paths: readonly ClosurePath[],
): { permissions?: readonly PermissionRule[] } {
  if (permissions.length === 0) return {};
  const rules = rulesFor(
    permissions,
    paths.flatMap(({ path }) => pathsIn(trees, path)),
  );
  return rules.length === 0 ? {} : { permissions: rules };
}

async function rootLayer(options: PlanOptions, farm: RootFiles): Promise<LayerPlan> {
  const { closure, trees, base, created, warn } = options;
  const fitted = base === undefined ? { ...farm, replaced: [] } : overBase(farm, await base.tree(), trees);
  const { entries, conflicts, replaced } = fitted;
  if (replaced.length > 0) warn(replacedMessage(replaced));
  for (const { path, used, ignored } of conflicts)
    warn(`${path} is in two of the paths: it links to ${used}, not to ${ignored}`);
  const history = rootLayerHistory(closure.roots, created);
  const permissions = permissionsOf(options.permissions ?? []);
  const permitted = entries.map((entry) => permittedEntry(entry, permissions));
  const size = entries.reduce(
    (sum, { content }) => sum + (content === undefined ? 0 : contentSize(content)),
    0,
  );
  return plan(
    { ...options, owner: { ...ROOT_OWNER, mtime: (options.owner ?? ROOT_OWNER).mtime } },
    { kind: 'entries', entries: permitted },
    { paths: [], narSize: size, reason: 'links at /', history },
  );
}

function replacedMessage(replaced: readonly string[]): string {
  const more = replaced.length > 3 ? ` and ${replaced.length - 3} more` : '';
  return `the root layer takes the place of files of the base image: ${replaced.slice(0, 3).join(', ')}${more}`;
}

async function plan(
  options: PlanOptions,
  content: LayerContent,
  described: LayerDescription,
): Promise<LayerPlan> {
  const { owner = ROOT_OWNER, format } = options;
  return planLayer(options, { content, owner, format }, described);
}
