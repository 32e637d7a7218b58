import pLimit, { type LimitFunction } from 'p-limit';
import { parallelBlobs, type Destination } from './destination.ts';

/** What is done for one destination. */
interface Lane {
  /** As many blobs at the same time as the destination takes; it may have to be asked. */
  readonly limit: Promise<LimitFunction>;
  readonly begun: Promise<void>[];
  /** Blobs begun and not done, those that wait for their turn included. */
  open: number;
}

/**
 * Lets each destination go at its own pace: the next layer is begun when one destination has the last one, and the others
 * follow. Each has at most `jobs` blobs in work.
 */
export class Pace {
  readonly #jobs: number;
  readonly #lanes = new Map<Destination, Lane>();

  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  /** So much waits for it already that what is made now would have to be kept too long. */
  isFarBehind(destination: Destination): boolean {
    return this.#lane(destination).open >= 2 * this.#jobs;
  }

  /** Does `work`, which brings a blob to `destination`, when it is its turn. */
  async inTurn(destination: Destination, work: () => Promise<void>): Promise<void> {
    const lane = this.#lane(destination);
    lane.open++;
    const done = lane.limit.then((limit) => limit(work)).finally(() => lane.open--);
    lane.begun.push(done);
    return done;
  }

  /** Resolves when all that has been begun for `destination` is done. */
  async arrived(destination: Destination): Promise<void> {
    await Promise.all(this.#lane(destination).begun);
  }

  #lane(destination: Destination): Lane {
    const limit = async (): Promise<LimitFunction> => pLimit(await parallelBlobs(destination, this.#jobs));
    const lane = this.#lanes.get(destination) ?? { limit: limit(), begun: [], open: 0 };
    this.#lanes.set(destination, lane);
    return lane;
  }
}
