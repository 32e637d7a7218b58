import pLimit, { type LimitFunction } from 'p-limit';
import type { ImageStore } from '../../stores/image-store.ts';

/** So many tasks at a time for each registry, however many repositories of it there are. */
export class HostLimits {
  readonly #most: number;
  readonly #limits = new Map<string, LimitFunction>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Does the task when all registries that it needs have room. */
  async run<T>(stores: readonly ImageStore[], task: () => Promise<T>): Promise<T> {
    // In one order, so that no two tasks wait for each other.
    const hosts = [...new Set(stores.map(({ registry, name }) => registry ?? name))].sort();
    const admitted = hosts.reduceRight<() => Promise<T>>(
      (inner, host) => () => this.#limit(host)(inner),
      task,
    );
    return admitted();
  }

  #limit(host: string): LimitFunction {
    let limit = this.#limits.get(host);
    if (limit === undefined) {
      limit = pLimit(this.#most);
      this.#limits.set(host, limit);
    }
    return limit;
  }
}
