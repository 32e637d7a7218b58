import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ioError, NixpushError } from '../base/errors.ts';
import type { TreeLocation } from './closure.ts';
import { STORE_DIR, storePathOf } from './store-path.ts';

/** As in Linux: a chain longer than this is taken for a loop. */
const MAX_LINKS = 40;

/**
 * Follows the symbolic links in `path`, an absolute one, until it leads into the store, and returns the store path
 * there; undefined if it ends outside. `/nix/store/…` is taken for the logical path even where the store is relocated
 * and nothing lies there, for so do the links that Nix makes. Throws ERR_NOT_FOUND, ERR_IO, ERR_FORMAT.
 */
export function storePathBehind(path: string, trees: TreeLocation): string | undefined {
  const directory = realPath(trees.directory);
  let reached = '/';
  let rest = components(path);
  for (let links = 0; ;) {
    const found = storePathIn(join(reached, ...rest), rest, [STORE_DIR, directory]);
    if (found !== undefined) return found;
    const next = rest.shift();
    if (next === undefined) return undefined;
    if (next === '..') {
      reached = dirname(reached);
      continue;
    }
    const candidate = join(reached, next);
    const target = linkTarget(candidate, path);
    if (target === undefined) {
      reached = candidate;
      continue;
    }
    if (++links > MAX_LINKS) {
      throw new NixpushError('ERR_IO', `cannot follow ${path}: too many symbolic links`, { path });
    }
    if (target.startsWith('/')) reached = '/';
    rest = [...components(target), ...rest];
  }
}

/** `..` has its meaning only once the links before it are followed, so a path with one still ahead is not in the store yet. */
function storePathIn(path: string, rest: readonly string[], directories: string[]): string | undefined {
  if (rest.includes('..')) return undefined;
  const directory = directories.find((candidate) => path.startsWith(`${candidate}/`));
  return directory && storePathOf(STORE_DIR + path.slice(directory.length));
}

/** Itself where there is nothing. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

function linkTarget(candidate: string, path: string): string | undefined {
  try {
    return lstatSync(candidate).isSymbolicLink() ? readlinkSync(candidate) : undefined;
  } catch (error) {
    throw ioError(error, 'cannot follow', candidate === path ? path : `${path}: ${candidate}`);
  }
}

function components(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}
