/** How the bytes of a blob get into an upload session. */
export type UploadMode =
  /** One PATCH for everything. */
  | 'stream'
  /** PATCHes of a known length, each with its range. */
  | 'chunk'
  /** All of it in the final PUT; needs the digest beforehand. */
  | 'mono';

/** What one upload found out about a registry, so that the next need not run into the same wall. */
export class LearnedLimits {
  /** Modes refused in a way that will not change: the method is not supported, or a length is required. */
  readonly refused: Set<UploadMode> = new Set();
  /** A body of this size was too large. Bytes. */
  tooLarge: number = Number.POSITIVE_INFINITY;

  sawTooLarge(bytes: number): void {
    this.tooLarge = Math.min(this.tooLarge, bytes);
  }
}
