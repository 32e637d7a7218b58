import { NixpushError } from '../../base/errors.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';

/** Shorter ones come back while the client waits, as it does when it is told to (429, Retry-After). */
const SHORTEST_WINDOW_MS = 15 * 60_000;

/** Stops copies from registries that will answer no more for hours, before they are asked in vain. */
export class PullBudget {
  readonly #clients: ReadonlyMap<string, RegistryClient>;
  readonly #refused = new Set<string>();

  constructor(clients: ReadonlyMap<string, RegistryClient>) {
    this.#clients = clients;
  }

  /** Throws ERR_REGISTRY if nothing is left at the registry that `from` belongs to. */
  check({ registry }: ImageStore): void {
    if (registry === undefined) return;
    const budget = this.#clients.get(registry)?.budget;
    const isEmpty = budget?.remaining === 0 && budget.windowMs >= SHORTEST_WINDOW_MS;
    if (!isEmpty && !this.#refused.has(registry)) return;
    const size = budget?.limit === undefined ? '' : ` (${budget.limit} in ${hours(budget.windowMs)})`;
    throw new NixpushError('ERR_REGISTRY', `${registry} answers no more pulls for now${size}`, {
      host: registry,
      status: 429,
      hint: 'Run the mirror again later: it goes on where it stopped. With a login the budget may be larger.',
    });
  }

  /** Takes note of a failure that others would share. */
  note(error: unknown): void {
    if (error instanceof NixpushError && error.status === 429 && error.host !== undefined)
      this.#refused.add(error.host);
  }
}

function hours(milliseconds: number): string {
  return `${Number((milliseconds / 3_600_000).toFixed(1))} h`;
}
