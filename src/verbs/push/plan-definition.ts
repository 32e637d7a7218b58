import { inSlices, type Steps } from '../../base/steps.ts';
import { Accounts } from '../../definitions/accounts.ts';
import { addNixDatabase } from '../../definitions/nix-database-files.ts';
import { definedClosure, storedPaths } from '../../definitions/definition-closure.ts';
import type { ImageDefinition } from '../../definitions/image-definition.ts';
import { permissionRules } from '../../definitions/permission-rules.ts';
import { PROFILE, profileConfig } from '../../definitions/profile.ts';
import { definedRoot } from '../../definitions/root-layer.ts';
import { mergeImageConfig } from '../../image/image-config.ts';
import type { BaseTree } from '../../layers/base-tree.ts';
import { defaultCommand } from '../../layers/default-command.ts';
import type { PermissionRule } from '../../layers/content.ts';
import type { RootFiles } from '../../layers/over-base.ts';
import { pathsIn, rulesFor } from '../../layers/permissions.ts';
import { ROOT_OWNER, type TarOwner } from '../../layers/recipe.ts';
import type { Closure } from '../../nix/closure.ts';
import type { TreeListings } from '../../nix/tree-listings.ts';
import { definitionTime, type DefinitionInput } from './definition-options.ts';
import type { BasePlan } from './plan-image.ts';
import type { PlannedImage, Planning } from './planning.ts';

/** The image that a definition describes; the options of `planning` have what it says already. Throws NixpushError. */
export async function planDefinition(
  { definition: written, name: file }: DefinitionInput,
  planning: Planning,
): Promise<PlannedImage> {
  const { source, options, settings } = planning;
  const definition = options.profile === true ? { ...written, profile: true } : written;
  const closure = await definedClosure(definition, file, source, options.signal);
  const trees = await planning.listings(closure);
  const under = await underneath(definition, planning.base());
  const accounts = new Accounts(definition, file, under?.known);
  checkUser(definition, accounts);
  const owner = ownerOf(definition, file);
  const stored = storedPaths(definition, closure);
  const root = await inSlices(
    rootFiles(definition, { accounts, closure, stored, trees, file, time: owner.mtime }),
  );
  const permissions = permissionRules(definition, accounts, file);
  for (const at of await inSlices(idleRules(permissions, root, stored, trees)))
    planning.warn(`${file}: permissions[${at}] matches no file of the image`);
  const config = definition.profile
    ? mergeImageConfig(profileConfig(root.entries), settings.config)
    : settings.config;
  return planning.plan(
    { closure: stored, trees, links: true, root, owner, permissions, ...(under && { base: under.plan }) },
    { config, command: () => commandOf(definition, trees) },
  );
}

/** Where the image's users are declared, an engine would not find another one. Throws ERR_FORMAT. */
function checkUser({ config }: ImageDefinition, accounts: Accounts): void {
  const user = config?.['User'];
  if (accounts.declared && typeof user === 'string' && user !== '') accounts.owner(user, 'config.User');
}

/** The base image, with its files where they may matter to what is declared. */
async function underneath(
  definition: ImageDefinition,
  base: BasePlan | undefined,
): Promise<{ plan: BasePlan; known?: BaseTree } | undefined> {
  const { users, groups, files, directories, permissions } = definition;
  const declared = [users, groups, files, directories, permissions].some((each) => each !== undefined);
  if (base === undefined || !declared) return base && { plan: base };
  const known = await base.tree();
  return { plan: { ...base, tree: () => Promise.resolve(known) }, known };
}

interface RootOptions {
  readonly accounts: Accounts;
  readonly closure: Closure;
  readonly stored: Closure;
  readonly trees: TreeListings;
  readonly file: string;
  readonly time: number;
}

function* rootFiles(
  definition: ImageDefinition,
  { trees, time, stored, ...options }: RootOptions,
): Steps<RootFiles> {
  const root = yield* definedRoot(definition, { ...options, listings: trees });
  if (definition.includeNixDB) addNixDatabase(root, definition, stored, time);
  return root.files();
}

/** Rules that say nothing about any file: mistyped, most likely. */
function* idleRules(
  rules: readonly PermissionRule[],
  root: RootFiles,
  { paths }: Closure,
  trees: TreeListings,
): Steps<number[]> {
  if (rules.length === 0) return [];
  for (const { path } of paths) yield* trees.listed(path);
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

function* commandOf(
  { contents = [], copyToRoot = [], profile }: ImageDefinition,
  trees: TreeListings,
): Steps<readonly string[] | undefined> {
  const [program, ...args] = (yield* defaultCommand(trees, [...contents, ...copyToRoot], true)) ?? [];
  if (program === undefined) return undefined;
  return [profile ? `${PROFILE}${program}` : program, ...args];
}
