import type { Digest } from '../base/digest.ts';
import type { TreeLocation } from '../nix/closure.ts';
import type { Capability } from './capabilities.ts';

/** What a layer holds. Plain data: it travels to worker threads. */
export type LayerContent = StorePathsContent | EntriesContent | TarContent | Nix2containerContent;

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
  /** Another one that must be found there. */
  readonly within?: string;
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

/** A tar that exists: the customisation layer of dockerTools, a layer of an image archive. */
export interface TarContent {
  readonly kind: 'tar';
  readonly diffId: Digest;
  /** Where it lies on this machine; left out if whoever asks for the layer brings its bytes along. */
  readonly file?: string;
}

/** Store paths as nix2container puts them into a layer: moved, and with other modes and owners, where options say so. */
export interface Nix2containerContent {
  readonly kind: 'nix2container';
  readonly trees: TreeLocation;
  readonly paths: readonly Nix2containerPath[];
  /** What the layer is said to come to; the store paths have no narHash there. */
  readonly diffId: Digest;
}

export interface Nix2containerPath {
  readonly path: string;
  /** Applied to the absolute name of each file; what has none then is left out. `regex` is a regular expression. */
  readonly rewrite?: { readonly regex: string; readonly replacement: string };
  readonly permissions: readonly Nix2containerPermission[];
}

export interface Nix2containerPermission {
  /** A regular expression, searched for in the name that a file has in the store. */
  readonly regex: string;
  /** Of links, too. */
  readonly mode?: number;
  /** Names that are left out stay as they are. */
  readonly owner: EntryOwner;
}

/** What the layer must come to, where somebody has said so. */
export function expectedDiffId(content: LayerContent): Digest | undefined {
  return 'diffId' in content ? content.diffId : undefined;
}
