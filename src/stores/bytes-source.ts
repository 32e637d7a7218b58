import { sha256 } from '../base/digest.ts';
import type { BlobSource } from './image-store.ts';

/** A blob that is in memory: configs and other small things. */
export function bytesSource(what: string, bytes: Uint8Array): BlobSource {
  return {
    what,
    id: { digest: sha256(bytes), size: bytes.byteLength },
    // eslint-disable-next-line typescript/require-await
    async *open(offset) {
      if (offset < bytes.byteLength) yield bytes.subarray(offset);
    },
  };
}
