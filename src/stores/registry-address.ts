import { usageError } from '../base/errors.ts';
import { parseReference } from './reference.ts';

/** A registry, or one repository of it. */
export interface RegistryAddress {
  /** As in a reference: `docker.io`, `localhost:5000`. */
  readonly host: string;
  readonly repository?: string;
}

/**
 * `HOST[:PORT][/REPO]`. Docker's own ways to write a registry are taken too: `https://HOST`, `https://index.docker.io/v1/`.
 * Throws ERR_USAGE.
 */
export function parseRegistryAddress(text: string): RegistryAddress {
  const bare = text.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/?$/, '');
  if (bare.includes('/')) {
    const reference = parseReference(bare);
    if (reference.transport !== 'docker') throw notARegistry(text);
    const { host, repository } = reference;
    return { host: canonicalHost(host), repository };
  }
  // By Docker's rule a first word without dot, port or capitals is no host.
  const reference = parseReference(`${bare}/any`);
  if (reference.transport !== 'docker' || reference.repository !== 'any') {
    if (/^(index\.)?docker\.io$/i.test(bare)) return { host: 'docker.io' };
    throw notARegistry(text);
  }
  return { host: canonicalHost(reference.host) };
}

/** The same where a repository makes no sense. Throws ERR_USAGE. */
export function parseRegistryHost(text: string): string {
  const { host, repository } = parseRegistryAddress(text);
  if (repository !== undefined) {
    throw usageError(`${JSON.stringify(text)} is a repository, not a registry`, `Write ${host}.`);
  }
  return host;
}

function canonicalHost(host: string): string {
  return host === 'registry-1.docker.io' ? 'docker.io' : host;
}

function notARegistry(text: string): Error {
  return usageError(
    `${JSON.stringify(text)} is not a registry's HOST[:PORT]`,
    'Write it as in a reference: ghcr.io, docker.io, localhost:5000.',
  );
}
