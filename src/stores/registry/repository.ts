import type { RegistryClient } from './client.ts';
import type { Scope } from './scope.ts';

/** One repository of a registry and what its requests ask to be allowed. */
export interface Repository {
  readonly client: RegistryClient;
  /** `library/debian` */
  readonly repository: string;
  readonly scopes: readonly Scope[];
}

/** For messages: `ghcr.io/x/demo`. */
export function repositoryName({ client, repository }: Repository): string {
  return `${client.host}/${repository}`;
}

/** Spread into a request: an absent signal must be an absent property. */
export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** For messages: `ghcr.io/x/demo:1.2`, `ghcr.io/x/demo@sha256:…`. */
export function manifestName(from: Repository, reference: string): string {
  return `${repositoryName(from)}${reference.includes(':') ? '@' : ':'}${reference}`;
}
