import { NixpushError, usageError } from '../base/errors.ts';
import { parseRegistryHost } from '../stores/registry-address.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { RegistryAccess, RegistryLogin } from './registry-access.ts';

export interface LoginOptions extends RegistryLogin {
  /** Its logins are not looked at. */
  registry?: RegistryAccess;
  signal?: AbortSignal;
}

export interface LoginResult {
  host: string;
  /** The file or the credential helper program that holds the login now. */
  keptIn: string;
  /** False where the registry asks nobody for credentials, and so could not say whether these are good. */
  verified: boolean;
}

/**
 * Shows a user name and password to a registry and, if it takes them, keeps them where docker, podman and skopeo find
 * them too. Throws ERR_UNAUTHORIZED if they are refused, ERR_USAGE, ERR_IO, and what reaching a registry throws.
 */
export async function login(registry: string, options: LoginOptions): Promise<LoginResult> {
  const host = parseRegistryHost(registry);
  const { username, password, registry: access, signal } = options;
  checkLogin(options);
  const { registryClient } = await import('./registry-client.ts');
  const { loginFile } = await import('../stores/registry/credentials.ts');
  const { storeLogin } = await import('../stores/registry/auth-file-edit.ts');
  const client = registryClient(host, {
    registry: { ...access, logins: { [host]: { username, password } } },
  });
  try {
    const verified = await isTaken(client, signal);
    const file = loginFile(process.env);
    return {
      host,
      keptIn: await storeLogin(file, host, { username, password }, process.env, signal),
      verified,
    };
  } finally {
    await client.close();
  }
}

function checkLogin({ username, password }: RegistryLogin): void {
  if (username === '') throw usageError('the user name is empty');
  if (password === '') throw usageError('the password is empty');
  // RFC 7617, 2: what comes after the first colon is the password.
  if (username.includes(':')) throw usageError('a user name holds no colon');
}

/** False if nobody is asked. */
async function isTaken(client: RegistryClient, signal: AbortSignal | undefined): Promise<boolean> {
  const { challenges } = await client.discovery(signal);
  if (challenges.length === 0) return false;
  try {
    const { body } = await client.request({
      method: 'GET',
      path: '/v2/',
      scopes: [],
      what: 'logging in',
      expect: [200],
      retry: 'idempotent',
      ...(signal !== undefined && { signal }),
    });
    await body.dump();
    return true;
  } catch (error) {
    throw error instanceof NixpushError && error.code === 'ERR_UNAUTHORIZED'
      ? refusal(client.host, error)
      : error;
  }
}

function refusal(host: string, cause: NixpushError): NixpushError {
  const { status, detail } = cause;
  // Without a status it was not the registry that refused.
  if (status === undefined) return cause;
  return new NixpushError('ERR_UNAUTHORIZED', `${host} does not accept this user name and password`, {
    host,
    status,
    ...(detail !== undefined && { detail }),
    hint: 'Many registries want an access token in place of the password.',
    cause,
  });
}
