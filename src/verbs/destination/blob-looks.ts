import pLimit, { type LimitFunction } from 'p-limit';
import type { BlobId } from '../../stores/image-store.ts';
import type { Destination } from './destination.ts';
import { askEach, type Lacking } from './lacking.ts';
import type { ProgressListener } from '../progress.ts';

/** Looking costs a registry little and takes one round trip each: so many are on their way to each at the same time. */
export const LOOKS_AT_ONCE = 32;

export interface WantedBlob {
  /** undefined if nobody can say yet what to look for. */
  readonly blob: BlobId | undefined;
  /** Its numbers in the image, from 0. */
  readonly indexes: readonly number[];
}

/** Looks for blobs at destinations, at each by itself. */
export class BlobLooks {
  readonly #image: Lacking;
  readonly #onProgress: ProgressListener | undefined;
  readonly #limits: ReadonlyMap<Destination, LimitFunction>;

  /** `image`: who lacks the image that the blobs are of; nobody else is asked. */
  constructor(image: Lacking, onProgress: ProgressListener | undefined) {
    this.#image = image;
    this.#onProgress = onProgress;
    this.#limits = new Map([...image.keys()].map((destination) => [destination, pLimit(LOOKS_AT_ONCE)]));
  }

  /** Who lacks the blob; of the others it is told that they have it. */
  lookFor({ blob, indexes }: WantedBlob): Lacking {
    return askEach([...this.#image.keys()], async (destination, store, signal) => {
      if (!(await this.#image.get(destination)!)) return false;
      if (blob === undefined || store.holdsOneImage === true) return true;
      const limit = this.#limits.get(destination)!;
      if (!(await limit(() => store.hasBlob(blob, { signal })))) return true;
      const { digest, size } = blob;
      const found = { destination: store.name, outcome: 'exists', digest, size, sentBytes: 0 } as const;
      for (const layer of indexes) this.#onProgress?.({ type: 'layer-done', layer, ...found });
      return false;
    });
  }
}
