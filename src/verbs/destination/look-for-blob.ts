import type { BlobId } from '../../stores/image-store.ts';
import type { Destination } from './destination.ts';
import type { ProgressListener } from '../progress.ts';

/** Looking costs a registry little and takes one round trip each: so many are on their way at the same time. */
export const LOOKS_AT_ONCE = 32;

export interface BlobLook {
  /** undefined if nobody can say yet what to look for. */
  readonly blob: BlobId | undefined;
  /** Its numbers in the image, from 0. */
  readonly indexes: readonly number[];
  readonly destinations: readonly Destination[];
  readonly onProgress: ProgressListener | undefined;
}

/** The destinations that lack the blob; of the others it is told that they have it. */
export async function lookForBlob(look: BlobLook): Promise<Destination[]> {
  const { blob, indexes, destinations, onProgress } = look;
  const lacking: Destination[] = [];
  await Promise.all(
    destinations.map((destination) =>
      destination.attempt(async (store, signal) => {
        const canHave = blob !== undefined && store.holdsOneImage !== true;
        if (!canHave || !(await store.hasBlob(blob, { signal }))) {
          lacking.push(destination);
          return;
        }
        const { digest, size } = blob;
        const found = { destination: store.name, outcome: 'exists', digest, size, sentBytes: 0 } as const;
        for (const layer of indexes) onProgress?.({ type: 'layer-done', layer, ...found });
      }),
    ),
  );
  return lacking;
}
