import { join } from 'node:path';
import { Accounts } from '../definitions/accounts.ts';
import { addNixDatabase } from '../definitions/nix-database-files.ts';
import { definedClosure, storedPaths } from '../definitions/definition-closure.ts';
import type { ImageDefinition } from '../definitions/image-definition.ts';
import { permissionRules } from '../definitions/permission-rules.ts';
import { PROFILE, profileConfig } from '../definitions/profile.ts';
import { definedRoot } from '../definitions/root-layer.ts';
import { mergeImageConfig } from '../image/image-config.ts';
import { BaseTreeCache } from '../layers/base-tree-cache.ts';
import type { BaseTree } from '../layers/base-tree.ts';
import { defaultCommand } from '../layers/default-command.ts';
import type { PermissionRule } from '../layers/content.ts';
import type { RootFiles } from '../layers/over-base.ts';
import { pathsIn, rulesFor } from '../layers/permissions.ts';
import { cacheDirectory } from '../layers/recipe-cache.ts';
import { ROOT_OWNER, type TarOwner } from '../layers/recipe.ts';
import type { Closure } from '../nix/closure.ts';
import { openClosureSource } from '../nix/open-source.ts';
import { checkTrees } from '../nix/tree-location.ts';
import { TreeListings } from '../nix/tree-listings.ts';
import type { BaseImage } from './base-image.ts';
import { basePlan, type BasePlanOptions } from './base-plan.ts';
import { definitionTime, type DefinitionInput } from './definition-options.ts';
import type { Earlier } from './earlier.ts';
import { imageSettings } from './image-settings.ts';
import { readLayerWeights, type PlannedImage } from './plan-closure.ts';
import { planImage, type BasePlan } from './plan-image.ts';
import { readLayering } from './layering.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push.ts';

/** The image that a definition describes; `options` have what it says already. Throws NixpushError. */
export async function planDefinition(
  { definition: written, name: file }: DefinitionInput,
  options: PushOptions,
  settings: PushSettings,
  base: BaseImage | undefined,
  earlier: Earlier,
): Promise<PlannedImage> {
  const { onProgress, signal, noCache } = options;
  const definition = options.profile === true ? { ...written, profile: true } : written;
  const warn = (message: string): void => onProgress?.({ type: 'warning', message });
  const directory = noCache === true ? undefined : cacheDirectory();
  const baseCache = directory === undefined ? undefined : new BaseTreeCache(directory);
  const source = openClosureSource(options, directory);
  const closure = await definedClosure(definition, file, source, signal);
  checkTrees(closure, source.trees);
  const trees = new TreeListings(source.trees, closure.paths, directory && join(directory, 'listings'));
  const under = base && (await underneath(definition, base, { cache: baseCache, onProgress, signal }));
  const accounts = new Accounts(definition, file, under?.known);
  checkUser(definition, accounts);
  const owner = ownerOf(definition, file);
  const stored = storedPaths(definition, closure);
  const root = rootFiles(definition, { accounts, closure, stored, trees, file, time: owner.mtime });
  const permissions = permissionRules(definition, accounts, file);
  for (const at of idleRules(permissions, root, stored, trees))
    warn(`${file}: permissions[${at}] matches no file of the image`);
  const { maxLayers, codec, created, cache } = settings;
  const plan = await planImage({
    closure: stored,
    trees,
    maxLayers,
    strategy: await readLayering(options.layers),
    earlier: earlier.plan,
    reused: earlier.reused,
    weights: await readLayerWeights(options.layerWeights),
    codec,
    links: true,
    root,
    owner,
    permissions,
    created,
    cache,
    warn,
    ...(under !== undefined && { base: under.plan }),
  });
  const ours = plan.layers.reduce((sum, { paths }) => sum + paths.length, 0);
  const given = definition.profile
    ? mergeImageConfig(profileConfig(root.entries), settings.config)
    : settings.config;
  return {
    ...plan,
    config: imageSettings(given, base?.settings, () => commandOf(definition, trees), warn),
    storePathsInBase: stored.paths.length - ours,
  };
}

/** Where the image's users are declared, an engine would not find another one. Throws ERR_FORMAT. */
function checkUser({ config }: ImageDefinition, accounts: Accounts): void {
  const user = config?.['User'];
  if (accounts.declared && typeof user === 'string' && user !== '') accounts.owner(user, 'config.User');
}

/** The base image, with its files where they may matter to what is declared. */
async function underneath(
  definition: ImageDefinition,
  base: BaseImage,
  options: BasePlanOptions,
): Promise<{ plan: BasePlan; known: BaseTree | undefined }> {
  const plan = basePlan(base, options);
  const { users, groups, files, directories, permissions } = definition;
  if ([users, groups, files, directories, permissions].every((each) => each === undefined))
    return { plan, known: undefined };
  const known = await plan.tree();
  return { plan: { ...plan, tree: () => Promise.resolve(known) }, known };
}

interface RootOptions {
  readonly accounts: Accounts;
  readonly closure: Closure;
  readonly stored: Closure;
  readonly trees: TreeListings;
  readonly file: string;
  readonly time: number;
}

function rootFiles(definition: ImageDefinition, { trees, time, stored, ...options }: RootOptions): RootFiles {
  const root = definedRoot(definition, { ...options, listings: trees });
  if (definition.includeNixDB) addNixDatabase(root, definition, stored, time);
  return root.files();
}

/** Rules that say nothing about any file: mistyped, most likely. */
function idleRules(
  rules: readonly PermissionRule[],
  root: RootFiles,
  { paths }: Closure,
  trees: TreeListings,
): number[] {
  if (rules.length === 0) return [];
  const files = [
    ...root.entries.map(({ path }) => path),
    ...paths.flatMap(({ path }) => pathsIn(trees, path)),
  ];
  const useful = new Set(rulesFor(rules, files));
  return rules.flatMap((rule, at) => (useful.has(rule) ? [] : [at]));
}

function ownerOf(definition: ImageDefinition, file: string): TarOwner {
  const { uid = 0, gid = 0, uname = ROOT_OWNER.uname, gname = ROOT_OWNER.gname } = definition;
  return { uid, gid, uname, gname, mtime: definitionTime(definition, file) };
}

function commandOf(
  { contents = [], copyToRoot = [], profile }: ImageDefinition,
  trees: TreeListings,
): readonly string[] | undefined {
  const [program, ...args] = defaultCommand(trees, [...contents, ...copyToRoot], true) ?? [];
  if (program === undefined) return undefined;
  return [profile ? `${PROFILE}${program}` : program, ...args];
}
