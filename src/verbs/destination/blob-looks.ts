import pLimit, { type LimitFunction } from 'p-limit';
import type { BlobId } from '../../stores/image-store.ts';
import type { Destination } from './destination.ts';
import { askEach, type Lacking } from './lacking.ts';
import type { ProgressListener } from '../progress.ts';

/** Looking costs a registry little and takes one round trip each: so many are on their way to each at the same time. */
export const LOOKS_AT_ONCE = 32;

export interface WantedBlob {
  /** Who lacks what it is a part of; nobody else is asked. */
  readonly whole: Lacking;
  /** undefined if nobody can say yet what to look for. */
  readonly blob: BlobId | undefined;
  /** Its numbers among the layers that are pushed, from 0. */
  readonly indexes: readonly number[];
}

/** Looks for blobs at destinations, at each by itself. */
export class BlobLooks {
  readonly #onProgress: ProgressListener | undefined;
  readonly #limits: ReadonlyMap<Destination, LimitFunction>;

  constructor(destinations: readonly Destination[], onProgress: ProgressListener | undefined) {
    this.#onProgress = onProgress;
    this.#limits = new Map(destinations.map((destination) => [destination, pLimit(LOOKS_AT_ONCE)]));
  }

  /** Who lacks the blob; of the others it is told that they have it. */
  lookFor({ whole, blob, indexes }: WantedBlob): Lacking {
    return askEach([...whole.keys()], async (destination, store, signal) => {
      if (!(await whole.get(destination)!)) return false;
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
