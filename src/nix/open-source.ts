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

/** The place where closures come from, by the user's options. Throws ERR_NOT_FOUND, ERR_USAGE. */
export function openClosureSource(options: SourceOptions): ClosureSource {
  const trees = treeLocation(options.store);
  return options.closure === undefined ? new NixStoreSource(trees) : new ClosureFile(options.closure, trees);
}
