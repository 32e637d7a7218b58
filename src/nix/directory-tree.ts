import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { ioError, NixpushError } from '../base/errors.ts';
import type { TreeLocation } from './closure.ts';
import { sortFileNames } from './file-name-order.ts';
import { locate } from './tree-location.ts';
import type { TreeEntry } from './tree.ts';

/**
 * The file tree of a store path in canonical order: a directory before what is in it, siblings as sortFileNames has
 * them. Symbolic links are not followed. Calls are synchronous, since asynchronous ones cost 20 times as much for each
 * file: meant for a worker thread. Throws ERR_NOT_FOUND, ERR_IO, and ERR_FORMAT for what no store path can hold.
 */
export function* walkTree(location: TreeLocation, storePath: string): Generator<TreeEntry> {
  const root = Buffer.from(locate(location, storePath));
  // Bytes in Latin-1: a large directory as so many buffers would take tens of megabytes.
  const pending = [root.toString('latin1')];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const path = Buffer.from(next, 'latin1');
    const entry = readEntry(path, path.subarray(root.length + 1));
    yield entry;
    if (entry.type === 'directory') {
      for (const name of readNames(path).reverse()) pending.push(`${next}/${name}`);
    }
  }
}

function readEntry(path: Buffer, name: Buffer): TreeEntry {
  try {
    const stats = lstatSync(path);
    if (stats.isFile()) {
      // As in a NAR: of the mode only this bit counts (Nix, dumpPath in libutil/archive.cc).
      return { type: 'file', name, executable: (stats.mode & 0o100) !== 0, size: stats.size };
    }
    if (stats.isDirectory()) return { type: 'directory', name };
    if (stats.isSymbolicLink()) {
      return { type: 'symlink', name, target: readlinkSync(path, { encoding: 'buffer' }) };
    }
  } catch (error) {
    throw ioError(error, 'cannot read', displayName(path));
  }
  throw new NixpushError(
    'ERR_FORMAT',
    `cannot read ${displayName(path)}: it is neither a file, a directory nor a symbolic link`,
    { path: displayName(path) },
  );
}

function readNames(directory: Buffer): string[] {
  try {
    return sortFileNames(readdirSync(directory, { encoding: 'latin1' }));
  } catch (error) {
    throw ioError(error, 'cannot read the directory', displayName(directory));
  }
}

/** A path of any bytes for a message: one line, without control characters. */
export function displayName(path: Buffer): string {
  return path.toString('utf8').replace(/\p{Cc}/gu, '\u{fffd}');
}
