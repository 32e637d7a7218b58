import { capabilityAttribute, type Capability } from './capabilities.ts';
import type { EntryOwner, PermissionRule, WrittenEntry } from './content.ts';
import type { TreeListings } from '../nix/tree-listings.ts';
import type { TarEntry } from './tar-header.ts';

/** Rules, ready to be asked about many paths. */
export type Permissions = readonly (PermissionRule & { readonly expressions: readonly RegExp[] })[];

export function permissionsOf(rules: readonly PermissionRule[]): Permissions {
  return rules.map((rule) => {
    const patterns = rule.within === undefined ? [rule.pattern] : [rule.within, rule.pattern];
    return { ...rule, expressions: patterns.map((pattern) => new RegExp(pattern, 'u')) };
  });
}

/** The paths that the files of a store path have in an image. */
export function pathsIn(trees: TreeListings, storePath: string): string[] {
  return trees
    .of(storePath)
    .map(({ name }) => (name.length === 0 ? storePath : `${storePath}/${name.toString()}`));
}

/** The rules that say something about any of these paths. */
export function rulesFor(rules: readonly PermissionRule[], paths: readonly string[]): PermissionRule[] {
  const permissions = permissionsOf(rules);
  return rules.filter((_, at) =>
    paths.some((path) => permissions[at]!.expressions.every((expression) => expression.test(path))),
  );
}

/** The entry of a tar with what the rules give it. */
export function withPermissions(entry: TarEntry, permissions: Permissions): TarEntry {
  if (permissions.length === 0) return entry;
  const { capabilities, ...given } = permitted(entry.path.toString(), entry.type, permissions);
  return {
    ...entry,
    ...given,
    ...(capabilities !== undefined && { capability: capabilityAttribute(capabilities) }),
  };
}

/** The entry of the root layer with what the rules give it. */
export function permittedEntry(entry: WrittenEntry, permissions: Permissions): WrittenEntry {
  return { ...entry, ...permitted(entry.path, entry.type, permissions) };
}

interface Permitted {
  mode?: number;
  owner?: EntryOwner;
  capabilities?: readonly Capability[];
}

function permitted(path: string, type: TarEntry['type'], permissions: Permissions): Permitted {
  const given: Permitted = {};
  for (const { expressions, mode, owner, capabilities } of permissions) {
    if (!expressions.every((expression) => expression.test(path))) continue;
    if (mode !== undefined && type !== 'symlink') given.mode = mode;
    if (owner !== undefined) given.owner = owner;
    if (capabilities !== undefined && type === 'file') given.capabilities = capabilities;
  }
  return given;
}
