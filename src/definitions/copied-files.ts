import { posix } from 'node:path';
import { NixpushError } from '../base/errors.ts';
import type { WrittenEntry } from '../layers/content.ts';
import type { ClosurePath, TreeLocation } from '../nix/closure.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { TreeEntry } from '../nix/tree.ts';

/**
 * The files of a store path at `/`, in place of links to them. Files have the store's modes; directories 0755, as other
 * files are to be added to them. A store path that is a file lies under its name, in `/bin` if it is a program.
 */
export function copiedFiles(
  { path: storePath, narHash }: ClosurePath,
  listing: readonly TreeEntry[],
  trees: TreeLocation,
): WrittenEntry[] {
  return listing.flatMap((entry): WrittenEntry[] => {
    const name = textName(storePath, entry);
    // Nix's own notes about a package.
    if (name === 'nix-support' || name.startsWith('nix-support/')) return [];
    const path = name === '' ? rootName(storePath, entry) : `/${name}`;
    switch (entry.type) {
      case 'directory':
        return name === '' ? [] : [{ path, type: entry.type, mode: 0o755 }];
      case 'symlink':
        return [{ path, type: entry.type, mode: 0o777, target: entry.target.toString() }];
      case 'file': {
        const content = { trees, storePath, narHash, name, size: entry.size };
        return [{ path, type: entry.type, mode: entry.executable ? 0o555 : 0o444, content }];
      }
    }
  });
}

function rootName(storePath: string, entry: TreeEntry): string {
  const directory = entry.type === 'file' && entry.executable ? '/bin' : '/';
  return posix.join(directory, parseStorePath(storePath).name);
}

function textName(storePath: string, { name }: TreeEntry): string {
  const text = name.toString();
  if (Buffer.from(text).equals(name)) return text;
  throw new NixpushError(
    'ERR_FORMAT',
    `${storePath}/${text}: the name is not UTF-8, so it cannot be copied to /`,
    {
      path: storePath,
    },
  );
}
