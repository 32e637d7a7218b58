import { isUtf8 } from 'node:buffer';
import { NixpushError } from '../base/errors.ts';
import type { Steps } from '../base/steps.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { TreeListings } from '../nix/tree-listings.ts';
import type { TreeEntry } from '../nix/tree.ts';
import type { WrittenEntry } from './content.ts';

/** The root layer: directories of its own and, in them, links to the files of the store paths (`/bin/hello` → store). */
export interface LinkFarm {
  readonly entries: readonly WrittenEntry[];
  /** Two paths had something at the same place; the first one's is used, as in dockerTools. */
  readonly conflicts: readonly LinkConflict[];
}

export interface LinkConflict {
  /** In the image: `/bin/sh`. */
  readonly path: string;
  readonly used: string;
  readonly ignored: string;
}

/** Nix's own notes about a package, of no use in an image; buildEnv leaves them out too. */
const LEFT_OUT = 'nix-support';

/**
 * Merges the trees of `roots` at `/`. A root that is a file is linked under its name, in `/bin` if it is a program.
 * Throws ERR_FORMAT where one root has a directory and another one a file.
 */
export function* linkFarm(trees: TreeListings, roots: readonly string[]): Steps<LinkFarm> {
  const entries = new Map<string, WrittenEntry>();
  const conflicts: LinkConflict[] = [];
  for (const root of new Set(roots)) {
    for (const entry of yield* trees.listed(root)) {
      yield;
      for (const wanted of writtenEntries(root, entry)) place(entries, conflicts, wanted);
    }
  }
  return { entries: inTarOrder(entries.values()), conflicts };
}

/** Directories are entries of their own, in front of what is in them. */
function writtenEntries(root: string, entry: TreeEntry): WrittenEntry[] {
  const name = textName(root, entry);
  if (name === '') return entry.type === 'directory' ? [] : rootFile(root, entry);
  if (name === LEFT_OUT || name.startsWith(`${LEFT_OUT}/`)) return [];
  const path = `/${name}`;
  if (entry.type === 'directory') return [directoryAt(path)];
  // Also for a symlink the link points at the store's link: its own target may be relative to where it lies.
  return [{ path, type: 'symlink', mode: 0o777, target: `${root}${path}` }];
}

function rootFile(root: string, entry: TreeEntry): WrittenEntry[] {
  const { name } = parseStorePath(root);
  const link = { type: 'symlink', mode: 0o777, target: root } as const;
  const isProgram = entry.type === 'file' && entry.executable;
  return isProgram
    ? [directoryAt('/bin'), { ...link, path: `/bin/${name}` }]
    : [{ ...link, path: `/${name}` }];
}

function directoryAt(path: string): WrittenEntry {
  return { path, type: 'directory', mode: 0o755 };
}

function textName(root: string, entry: TreeEntry): string {
  const text = entry.name.toString();
  if (isUtf8(entry.name)) return text;
  throw new NixpushError(
    'ERR_FORMAT',
    `${root}/${text}: the name is not UTF-8, so it cannot be linked at /`,
    {
      path: root,
      hint: 'Push with --no-links.',
    },
  );
}

/**
 * Puts an entry at its place unless something is there already. Throws ERR_FORMAT for a file where there is a directory, or
 * the other way round.
 */
export function place(
  entries: Map<string, WrittenEntry>,
  conflicts: LinkConflict[],
  wanted: WrittenEntry,
): void {
  const there = entries.get(wanted.path);
  if (there === undefined) {
    entries.set(wanted.path, wanted);
  } else if (there.type !== wanted.type) {
    const [link, directory] = there.type === 'symlink' ? [there, wanted] : [wanted, there];
    throw new NixpushError(
      'ERR_FORMAT',
      `${directory.path} is a file in ${link.target} but a directory in another of the paths: they cannot share a root`,
      { path: directory.path, hint: 'Push one of them only, or leave the links out with --no-links.' },
    );
  } else if (there.type === 'symlink' && there.target !== wanted.target) {
    conflicts.push({ path: wanted.path, used: there.target!, ignored: wanted.target! });
  }
}

/** In the order of a tar: a directory's content directly after it, siblings by their bytes. */
export function inTarOrder(entries: Iterable<WrittenEntry>): WrittenEntry[] {
  return Array.from(entries, (entry) => ({ entry, key: orderKey(entry) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ entry }) => entry);
}

function orderKey({ path }: WrittenEntry): string {
  // A slash sorts before everything a name can hold once it is mapped to NUL.
  const key = path.replaceAll('/', '\0');
  // Strings are compared by UTF-16 units: in Latin-1 those are the bytes, and in ASCII anyway.
  return BEYOND_ASCII.test(key) ? Buffer.from(key).toString('latin1') : key;
}

const BEYOND_ASCII = /[^\0-\x7f]/;
