import type { Digest } from '../../base/digest.ts';

export interface MirrorResult {
  /** One for each repository to mirror, in the order given. */
  readonly repositories: readonly MirroredRepository[];
}

export interface MirroredRepository {
  /** `HOST/REPO`. */
  readonly from: string;
  readonly to: string;
  readonly images: readonly MirroredImage[];
  /** Tags that were removed, or would be, at the destination. */
  readonly pruned: readonly string[];
  /** Why the repository could not be mirrored or pruned as a whole. */
  readonly error?: Error;
}

export interface MirroredImage {
  readonly tag: string;
  /** `planned` in a dry run: it would be copied. */
  readonly outcome: 'unchanged' | 'copied' | 'planned' | 'failed';
  /** What the tag is at the destination now, or would be; undefined if it failed. */
  readonly digest?: Digest;
  /** Sent to the destination, or in a dry run what would be, blobs without manifests. */
  readonly bytes: number;
  /** In a dry run: about how many requests the copy would take, of both registries. */
  readonly requests?: number;
  readonly error?: Error;
}
