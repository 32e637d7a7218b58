import type { Digest } from '../base/digest.ts';
import type { TreeLocation } from '../nix/closure.ts';

/** What a layer holds. Plain data: it travels to worker threads. */
export type LayerContent = StorePathsContent | EntriesContent;

/** Store paths with all their files, in this order. */
export interface StorePathsContent {
  readonly kind: 'store-paths';
  readonly trees: TreeLocation;
  readonly paths: readonly StorePathContent[];
}

export interface StorePathContent {
  readonly path: string;
  readonly narHash: Digest;
  /** Bytes; the files found must add up to it. */
  readonly narSize: number;
}

/** Entries that are written down, not read: the root layer. Parents before children, siblings sorted. */
export interface EntriesContent {
  readonly kind: 'entries';
  readonly entries: readonly WrittenEntry[];
}

export interface WrittenEntry {
  /** Absolute, without a trailing slash. */
  readonly path: string;
  readonly type: 'directory' | 'symlink';
  readonly mode: number;
  /** Only of a symlink. */
  readonly target?: string;
  /** Where it is not the layer's: of a directory that the base image has. */
  readonly owner?: EntryOwner;
}

export interface EntryOwner {
  readonly uid: number;
  readonly gid: number;
}
