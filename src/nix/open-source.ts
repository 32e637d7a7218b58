import { join } from 'node:path';
import { ClosureCache } from './closure-cache.ts';
import { ClosureFile } from './closure-file.ts';
import type { ClosureSource } from './closure.ts';
import { NixStoreSource } from './nix-store-source.ts';
import { treeLocation } from './tree-location.ts';

export interface SourceOptions {
  /** A relocated store: the directory that holds `nix/store`. */
  store?: string;
  /** A file that describes the closure, in place of asking `nix`. */
  closure?: string;
}

/**
 * The place where closures come from, by the user's options. What `nix` says is remembered below `cacheDirectory`.
 * Throws ERR_NOT_FOUND, ERR_USAGE.
 */
export function openClosureSource(options: SourceOptions, cacheDirectory?: string): ClosureSource {
  const trees = treeLocation(options.store);
  if (options.closure !== undefined) return new ClosureFile(options.closure, trees);
  const source = new NixStoreSource(trees);
  return cacheDirectory === undefined ? source : new ClosureCache(source, join(cacheDirectory, 'closures'));
}
