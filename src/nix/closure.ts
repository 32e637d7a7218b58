import type { Digest } from '../base/digest.ts';

/** One store path as Nix's database describes it. */
export interface ClosurePath {
  /** `/nix/store/<hash>-<name>`, always the logical path, also when the store is relocated. */
  readonly path: string;
  /** SHA-256 of the path's NAR, as `sha256:<hex>`. */
  readonly narHash: Digest;
  /** Bytes of the NAR. */
  readonly narSize: number;
  /** Direct references, sorted; a self reference is left out. */
  readonly references: readonly string[];
  /** Whether there was one. */
  readonly refersToItself?: true;
}

/** As much of it as is to be found in an image. */
export type PathNode = Pick<ClosurePath, 'path' | 'narSize' | 'references'>;

/** Roots and everything they refer to, transitively. */
export interface Closure {
  /** In the order given. */
  readonly roots: readonly string[];
  /** Every path once, sorted by path; complete: each reference is an element. */
  readonly paths: readonly ClosurePath[];
}

/** Where the file trees of store paths lie. Plain data, because worker threads open the trees. */
export interface TreeLocation {
  readonly kind: 'directory';
  /** Logical store directory: `/nix/store`. */
  readonly storeDir: string;
  /** Where it lies on this machine: `/nix/store`, or `DIR/nix/store` for a relocated store. */
  readonly directory: string;
}

/** A place closures come from. */
export interface ClosureSource {
  readonly trees: TreeLocation;
  /** Throws ERR_NOT_FOUND, ERR_FORMAT, ERR_COMMAND. */
  closure(roots: readonly string[], signal?: AbortSignal): Promise<Closure>;
  /** `closureFingerprint` of it, where that is known sooner than the closure. Throws the same. */
  fingerprint?(roots: readonly string[], signal?: AbortSignal): Promise<Digest>;
}
