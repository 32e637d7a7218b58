import { NixpushError } from '../base/errors.ts';
import type { EntryOwner, PermissionRule } from '../layers/content.ts';
import type { Accounts } from './accounts.ts';
import type { DefinedPermission, ImageDefinition } from './image-definition.ts';

/** The rules of a definition as layers know them. Throws ERR_FORMAT with the rule that is wrong. */
export function permissionRules(
  { permissions = [] }: ImageDefinition,
  accounts: Accounts,
  file: string,
): PermissionRule[] {
  return permissions.map((permission, at) => {
    const where = `permissions[${at}]`;
    const { mode, capabilities } = permission;
    const owner = ownerOf(permission, accounts, where);
    return {
      ...patternsOf(permission, `${file}: ${where}`),
      ...(mode !== undefined && { mode: parseInt(mode, 8) }),
      ...(owner !== undefined && { owner }),
      ...(capabilities !== undefined && { capabilities }),
    };
  });
}

/** As nix2container's `perms` have it: who gives one part of an owner means root for the rest. */
function ownerOf(
  { owner, uid, gid, uname, gname }: DefinedPermission,
  accounts: Accounts,
  where: string,
): EntryOwner | undefined {
  if (owner !== undefined) return accounts.owner(owner, `${where}.owner`);
  if (uid === undefined && gid === undefined && uname === undefined && gname === undefined) return undefined;
  return {
    uid: uid ?? 0,
    gid: gid ?? 0,
    ...(uname !== undefined && { uname }),
    ...(gname !== undefined && { gname }),
  };
}

function patternsOf(
  { path, regex }: DefinedPermission,
  where: string,
): Pick<PermissionRule, 'pattern' | 'within'> {
  if (path === undefined && regex === undefined)
    throw new NixpushError('ERR_FORMAT', `${where} says neither path nor regex: which files does it mean?`);
  if (path !== undefined && !path.startsWith('/'))
    throw new NixpushError('ERR_FORMAT', `${where}.path must begin with a slash`);
  if (regex === undefined) return { pattern: `^${globPattern(path!)}$` };
  const wrong = whyNotRegex(regex);
  if (wrong !== undefined)
    throw new NixpushError('ERR_FORMAT', `${where}.regex is no regular expression: ${wrong}`);
  return { pattern: regex, ...(path !== undefined && { within: `^${globPattern(path)}(/|$)` }) };
}

/** `*` and `?` stay within a name, `**` goes over slashes. */
function globPattern(glob: string): string {
  return glob.replace(/\*\*|[^]/gu, (part) => {
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&');
  });
}

function whyNotRegex(text: string): string | undefined {
  try {
    return RegExp(text, 'u') && undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
