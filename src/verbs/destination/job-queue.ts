import type { Destination } from './destination.ts';
import type { Lacking } from './lacking.ts';

interface Job {
  /** Those that are known to wait for it. */
  readonly wantedBy: Destination[];
  readonly begin: () => void;
}

/**
 * Work that destinations wait for, in the order that it comes in. A job begins when one of those that want it has fewer
 * than `jobs` others in work: what only a slow one lacks takes no place that another could use.
 */
export class JobQueue {
  readonly #jobs: number;
  readonly #inWork = new Map<Destination, number>();
  #waiting: Job[] = [];

  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  /** Does `work`, which brings what some lack, in its turn; not at all if nobody lacks it. Throws what it throws. */
  async run(lacking: Lacking, work: () => Promise<void>): Promise<void> {
    const wantedBy = await this.#turn(lacking);
    if (wantedBy.length === 0) return;
    try {
      await work();
    } finally {
      this.#count(wantedBy, -1);
      this.#beginNext();
    }
  }

  /** Resolves when it is the job's turn, with those whose places it takes; with nobody, if all are found to have it. */
  async #turn(lacking: Lacking): Promise<readonly Destination[]> {
    return new Promise((resolve) => {
      const wantedBy: Destination[] = [];
      const job = { wantedBy, begin: () => resolve([...wantedBy]) };
      this.#waiting.push(job);
      const answers = [...lacking].map(async ([destination, lacks]) => {
        if (!(await lacks)) return;
        wantedBy.push(destination);
        this.#beginNext();
      });
      void Promise.all(answers).then(() => {
        if (wantedBy.length > 0) return;
        this.#waiting = this.#waiting.filter((each) => each !== job);
        resolve([]);
      });
    });
  }

  #beginNext(): void {
    const hasRoom = (destination: Destination): boolean => this.#workOf(destination) < this.#jobs;
    this.#waiting = this.#waiting.filter(({ wantedBy, begin }) => {
      if (!wantedBy.some(hasRoom)) return true;
      this.#count(wantedBy, 1);
      begin();
      return false;
    });
  }

  #count(destinations: readonly Destination[], difference: number): void {
    for (const destination of destinations)
      this.#inWork.set(destination, this.#workOf(destination) + difference);
  }

  #workOf(destination: Destination): number {
    return this.#inWork.get(destination) ?? 0;
  }
}
