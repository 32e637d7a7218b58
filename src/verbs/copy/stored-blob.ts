import type { BlobId, BlobSource, ImageStore } from '../../stores/image-store.ts';

export interface StoredBlobOptions {
  /** For messages: `layer 3`. */
  readonly what: string;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * A blob that is in a store as a source for other stores: nothing of it is kept. Every pass reads the whole blob,
 * whatever the offset, so that the store can check it: bytes that follow a gap prove nothing.
 */
export function storedBlob(
  store: Pick<ImageStore, 'getBlob'>,
  id: BlobId,
  { what, onBytes }: StoredBlobOptions,
): BlobSource {
  return {
    what,
    id: { digest: id.digest, size: id.size },
    async *open(offset, signal) {
      let at = 0;
      for await (const piece of store.getBlob(id, signal === undefined ? {} : { signal })) {
        const skip = Math.max(0, offset - at);
        at += piece.byteLength;
        onBytes?.(piece.byteLength);
        if (skip < piece.byteLength) yield skip === 0 ? piece : piece.subarray(skip);
      }
    },
  };
}
