import { existsSync } from 'node:fs';
import { parseRegistryAddress } from '../stores/registry-address.ts';
import type { Credential } from '../stores/registry/credential.ts';

export interface AuthResult {
  host: string;
  repository?: string;
  /** In the order they are looked at, up to the first that has credentials. */
  places: readonly AuthPlace[];
  /** What a push would use; undefined means that it would be anonymous. */
  credentials?: AuthCredentials;
}

export interface AuthPlace {
  /** For people: a file, or the environment. */
  place: string;
  outcome: 'used' | 'nothing for it' | 'does not exist';
}

/** All about credentials but the secret. */
export interface AuthCredentials {
  kind: Credential['kind'];
  /** The file, or the helper program that the file names. */
  source: string;
  /** The entry or setting there that matched. */
  key?: string;
  username?: string;
}

/**
 * Which credentials would be used for `HOST[/REPO]`, and where they were looked for. Nothing is sent to the registry.
 * Throws ERR_USAGE, and for a broken file or helper what a push would throw.
 */
export async function auth(address: string, options: { signal?: AbortSignal } = {}): Promise<AuthResult> {
  const { host, repository } = parseRegistryAddress(address);
  const { credentialPlaces } = await import('../stores/registry/credentials.ts');
  const places: AuthPlace[] = [];
  let found: Credential | undefined;
  for (const { name, file, source } of credentialPlaces(process.env)) {
    found = await source.find(host, repository, options.signal);
    places.push({ place: name, outcome: outcomeOf(found, file) });
    if (found !== undefined) break;
  }
  return {
    host,
    ...(repository !== undefined && { repository }),
    places,
    ...(found !== undefined && { credentials: withoutSecret(found) }),
  };
}

function outcomeOf(found: Credential | undefined, file: string | undefined): AuthPlace['outcome'] {
  if (found !== undefined) return 'used';
  return file === undefined || existsSync(file) ? 'nothing for it' : 'does not exist';
}

function withoutSecret(credential: Credential): AuthCredentials {
  const { kind, source, key } = credential;
  // Some registries take a token as both.
  const shown = kind === 'basic' && credential.username !== credential.password;
  return {
    kind,
    source,
    ...(key !== undefined && { key }),
    ...(shown && { username: credential.username }),
  };
}
