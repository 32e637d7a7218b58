import type { TreeEntry } from '../../nix/tree.ts';
import type { TarEntry } from '../tar-header.ts';

/** Modes as a NAR has them, whatever this file system says: nothing depends on umask or on who unpacked the store. */
export function storeEntry(storePath: string, entry: TreeEntry): TarEntry {
  const path = Buffer.from(storePath);
  const at = entry.name.length === 0 ? path : Buffer.concat([path, Buffer.from('/'), entry.name]);
  switch (entry.type) {
    case 'directory':
      return { path: at, type: 'directory', mode: 0o555, size: 0 };
    case 'file':
      return { path: at, type: 'file', mode: entry.executable ? 0o555 : 0o444, size: entry.size };
    case 'symlink':
      return { path: at, type: 'symlink', mode: 0o777, size: 0, target: entry.target };
  }
}
