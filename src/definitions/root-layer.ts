import { isUtf8 } from 'node:buffer';
import { NixpushError } from '../base/errors.ts';
import { stepwise, type Steps } from '../base/steps.ts';
import type { WrittenEntry } from '../layers/content.ts';
import { linkFarm } from '../layers/link-farm.ts';
import type { Closure } from '../nix/closure.ts';
import { storePathOf } from '../nix/store-path.ts';
import type { TreeListings } from '../nix/tree-listings.ts';
import { NO_HOME, type Accounts } from './accounts.ts';
import { copiedFiles } from './copied-files.ts';
import type { DefinedDirectory, DefinedFile, ImageDefinition } from './image-definition.ts';
import { PROFILE } from './profile.ts';
import { ACCOUNTS, RootTree } from './root-tree.ts';

/** All that a definition puts at `/`, outside of the store. `file` names it. Throws ERR_FORMAT with the place in it. */
export function* definedRoot(
  definition: ImageDefinition,
  {
    accounts,
    closure,
    listings,
    file,
  }: { accounts: Accounts; closure: Closure; listings: TreeListings; file: string },
): Steps<RootTree> {
  const root = new RootTree(listings, file);
  const declare = (entry: WrittenEntry, where: string): void => root.add(entry, { where, declared: true });
  for (const [path, directory] of Object.entries(definition.directories ?? {})) {
    const where = placeOf('directories', path);
    declare(directoryEntry(checkedPath(path, where, file), directory, accounts, where), where);
  }
  for (const [path, target] of Object.entries(definition.links ?? {})) {
    const where = placeOf('links', path);
    declare({ path: checkedPath(path, where, file), type: 'symlink', mode: 0o777, target }, where);
  }
  for (const [path, written] of Object.entries(definition.files ?? {})) {
    const where = placeOf('files', path);
    declare(fileEntry(checkedPath(path, where, file), written, accounts, where, file), where);
  }
  if (accounts.declared) addAccounts(root, accounts);
  yield* addContents(root, definition, closure, listings);
  return root;
}

/** In place of what contents have, as a file of the definition is. */
function addAccounts(root: RootTree, accounts: Accounts): void {
  for (const [path, { text, mode }] of Object.entries(accounts.files()))
    root.add({ path, type: 'file', mode, content: { bytes: Buffer.from(text) } }, ACCOUNTS);
  if (accounts.homes.includes(NO_HOME))
    root.add({ path: NO_HOME, type: 'directory', mode: 0o555 }, { ...ACCOUNTS, declared: false });
}

function* addContents(
  root: RootTree,
  { contents = [], copyToRoot = [], profile = false }: ImageDefinition,
  { paths }: Closure,
  listings: TreeListings,
): Steps<void> {
  for (const [at, path] of contents.entries()) {
    const origin = { where: `contents[${at}] (${path})`, declared: false };
    const { entries } = yield* linkFarm(listings, [storePathOf(path)]);
    yield* stepwise(entries, (entry) => {
      root.add(profile ? { ...entry, path: `${PROFILE}${entry.path}` } : entry, origin);
      // Programs look for certificates there, wherever the profile is.
      if (profile && /^\/etc(\/|$)/.test(entry.path)) root.add(entry, origin);
    });
  }
  for (const [at, path] of copyToRoot.entries()) {
    const info = paths.find((each) => each.path === path)!;
    const origin = { where: `copyToRoot[${at}] (${path})`, declared: false };
    const files = copiedFiles(info, yield* listings.listed(path), listings.trees);
    yield* stepwise(files, (entry) => root.add(entry, origin));
  }
}

function directoryEntry(
  path: string,
  { mode = '0755', owner }: DefinedDirectory,
  accounts: Accounts,
  where: string,
): WrittenEntry {
  return {
    path,
    type: 'directory',
    mode: parseInt(mode, 8),
    ...(owner !== undefined && { owner: accounts.owner(owner, `${where}.owner`) }),
  };
}

function fileEntry(
  path: string,
  written: string | DefinedFile,
  accounts: Accounts,
  where: string,
  file: string,
): WrittenEntry {
  const { text, base64, mode = '0644', owner } = typeof written === 'string' ? { text: written } : written;
  if ((text === undefined) === (base64 === undefined))
    throw new NixpushError('ERR_FORMAT', `${file}: ${where} must have text or base64, one of the two`);
  const bytes = text === undefined ? Buffer.from(base64!, 'base64') : Buffer.from(text);
  if (base64 !== undefined && bytes.toString('base64') !== base64)
    throw new NixpushError('ERR_FORMAT', `${file}: ${where}.base64 is not base64`);
  return {
    path,
    type: 'file',
    mode: parseInt(mode, 8),
    content: { bytes },
    ...(owner !== undefined && { owner: accounts.owner(owner, `${where}.owner`) }),
  };
}

/** Absolute, each name written out; the store is for store paths. */
function checkedPath(path: string, where: string, file: string): string {
  const names = path.split('/').slice(1);
  const isPlain =
    names.every((name) => name !== '' && name !== '.' && name !== '..') && isUtf8(Buffer.from(path));
  if (!isPlain || path.includes('\0'))
    throw new NixpushError('ERR_FORMAT', `${file}: ${where}: write the path without empty names and dots`);
  if (path === '/nix/store' || path.startsWith('/nix/store/'))
    throw new NixpushError('ERR_FORMAT', `${file}: ${where}: nothing can be put into /nix/store`, {
      hint: 'Change modes and owners there with permissions.',
    });
  return path;
}

function placeOf(key: string, path: string): string {
  return `${key}[${JSON.stringify(path)}]`;
}
