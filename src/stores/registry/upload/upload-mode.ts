/** How the bytes of a blob get into an upload session. */
export type UploadMode =
  /** One PATCH for everything. */
  | 'stream'
  /** PATCHes of a known length, each with its range. */
  | 'chunk'
  /** All of it in the final PUT; needs the digest beforehand. */
  | 'monolithic';

export const UPLOAD_MODES: readonly UploadMode[] = ['stream', 'chunk', 'monolithic'];
