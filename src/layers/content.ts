import type { Digest } from '../base/digest.ts';
import type { TreeLocation } from '../nix/closure.ts';
import type { Capability } from './capabilities.ts';

/** What a layer holds. Plain data: it travels to worker threads. */
export type LayerContent = StorePathsContent | EntriesContent;

/** Store paths with all their files, in this order. */
export interface StorePathsContent {
  readonly kind: 'store-paths';
  readonly trees: TreeLocation;
  readonly paths: readonly StorePathContent[];
  /** What is not as the store has it. Of several rules for a file the later ones win, fact by fact. */
  readonly permissions?: readonly PermissionRule[];
}

/** Mode, owner and capabilities of the files that match. Links have no mode, and only files capabilities. */
export interface PermissionRule {
  /** A regular expression, searched for in the path that a file has in the image. */
  readonly pattern: string;
  readonly mode?: number;
  readonly owner?: EntryOwner;
  readonly capabilities?: readonly Capability[];
}

export interface StorePathContent {
  readonly path: string;
  readonly narHash: Digest;
  /** Bytes; the files found must add up to it. */
  readonly narSize: number;
}

/** Entries that are written down, not found: the root layer. Parents before children, siblings sorted. */
export interface EntriesContent {
  readonly kind: 'entries';
  readonly entries: readonly WrittenEntry[];
}

export interface WrittenEntry {
  /** Absolute, without a trailing slash. */
  readonly path: string;
  readonly type: 'directory' | 'symlink' | 'file';
  readonly mode: number;
  /** Only of a symlink. */
  readonly target?: string;
  /** Only of a file, and always there. */
  readonly content?: FileContent;
  /** Where it is not the layer's. */
  readonly owner?: EntryOwner;
  /** Only of a file. */
  readonly capabilities?: readonly Capability[];
}

/** The bytes of a file: given, or those of a file in a store path. */
export type FileContent = GivenContent | CopiedContent;

export interface GivenContent {
  readonly bytes: Uint8Array;
}

export interface CopiedContent {
  readonly trees: TreeLocation;
  readonly storePath: string;
  readonly narHash: Digest;
  /** Relative to the store path; empty for the store path itself. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export interface EntryOwner {
  readonly uid: number;
  readonly gid: number;
  readonly uname?: string;
  readonly gname?: string;
}
