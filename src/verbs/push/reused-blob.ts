import { NixpushError } from '../../base/errors.ts';
import type { LayerBlob } from '../../layers/layer-blob.ts';
import type { BlobSource, ImageStore } from '../../stores/image-store.ts';
import { storedBlob } from '../copy/stored-blob.ts';

/** A layer of an earlier image, read from where that image lies; if it is gone there, it is made again. */
export function reusedBlob(made: LayerBlob, lies: ImageStore): BlobSource {
  const id = made.id!;
  const stored = storedBlob(lies, id, { what: made.what });
  return {
    what: made.what,
    id,
    key: made.key,
    async *open(offset, signal, earlier) {
      let at = offset;
      try {
        for await (const piece of stored.open(offset, signal)) {
          at += piece.byteLength;
          yield piece;
        }
        return;
      } catch (error) {
        const isLost = error instanceof NixpushError && LOST.includes(error.code);
        if (!isLost) throw error;
      }
      // Both are the bytes of one digest, which either way is checked.
      yield* made.open(at, signal, earlier);
    },
  };
}

const LOST: readonly string[] = ['ERR_NOT_FOUND', 'ERR_NETWORK', 'ERR_REGISTRY', 'ERR_IO'];
