import { readFile } from 'node:fs/promises';
import { ioError, NixpushError } from '../../base/errors.ts';
import { runCredentialHelper } from './credential-helper.ts';
import type { Credential, CredentialSource, Environment } from './credential.ts';

/** `config.json` of Docker and `auth.json` of podman, skopeo and buildah (containers-auth.json(5)) have one form. */
interface AuthFile {
  readonly auths: ReadonlyMap<string, AuthEntry>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

type AuthEntry = Readonly<Record<string, unknown>>;

const DOCKER_HUB = 'docker.io';
/** The key under which docker keeps its own hub, from the days of version 1. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** Credentials from one such file; a file that does not exist knows nothing. */
export function authFileCredentials(path: string, env: Environment): CredentialSource {
  let content: Promise<AuthFile | undefined> | undefined;
  return {
    async find(host, repository, signal) {
      content ??= readAuthFile(path);
      const file = await content;
      if (file === undefined) return undefined;
      const keys = lookupKeys(host, repository);
      for (const helper of helpersFor(file, keys)) {
        const serverUrl = host === DOCKER_HUB ? DOCKER_HUB_KEY : host;
        const credential = await runCredentialHelper(helper, serverUrl, env, signal);
        if (credential !== undefined) return credential;
      }
      for (const key of keys) {
        const entry = file.auths.get(key);
        const credential = entry === undefined ? undefined : entryCredential(entry, path, key);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw ioError(error, 'cannot read the credentials in', path);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's own message would quote the file, and with it a secret.
    throw new NixpushError('ERR_FORMAT', `${path} is not valid JSON`, { path });
  }
  const { auths, credHelpers, credsStore } = asObject(document);
  return {
    auths: byNormalizedKey(Object.entries(asObject(auths)).map(([key, entry]) => [key, asObject(entry)])),
    credHelpers: byNormalizedKey(Object.entries(asObject(credHelpers)).filter(isTextEntry)),
    credsStore: typeof credsStore === 'string' ? credsStore : undefined,
  };
}

/** An exact key wins over one that only means the same. */
function byNormalizedKey<Value>(entries: readonly (readonly [string, Value])[]): Map<string, Value> {
  const map = new Map<string, Value>();
  for (const [key, value] of entries) {
    const normalized = normalizeKey(key);
    if (normalized === key || !map.has(normalized)) map.set(normalized, value);
  }
  return map;
}

/** Keys with a scheme are of Docker's old kind and name a host; others may name a namespace: `host/team/app`. */
function normalizeKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, '');
  const path = bare === key ? bare.replace(/\/v[12]\/?$/, '').replace(/\/+$/, '') : bare.replace(/\/.*$/, '');
  const [host = '', ...rest] = path.split('/');
  return [canonicalHost(host), ...rest].join('/');
}

function canonicalHost(host: string): string {
  return ['index.docker.io', 'registry-1.docker.io'].includes(host) ? DOCKER_HUB : host;
}

/** `host/team/app`, `host/team`, `host`: whole components only, so that `host` never matches `host.evil.example`. */
function lookupKeys(host: string, repository: string | undefined): string[] {
  const components = repository === undefined ? [] : repository.split('/');
  const keys: string[] = [];
  for (let length = components.length; length >= 0; length -= 1) {
    keys.push([canonicalHost(host), ...components.slice(0, length)].join('/'));
  }
  return keys;
}

/** A helper for the host goes before the one for everything; an empty name switches both off. */
function helpersFor(file: AuthFile, keys: readonly string[]): string[] {
  const key = keys.find((candidate) => file.credHelpers.has(candidate));
  const helper = key === undefined ? file.credsStore : file.credHelpers.get(key);
  return helper === undefined || helper === '' ? [] : [helper];
}

function entryCredential(entry: AuthEntry, path: string, key: string): Credential | undefined {
  const source = path;
  const { username, password } = userAndPassword(entry, path, key);
  const registryToken = text(entry['registrytoken']);
  if (registryToken !== '') return { kind: 'registry-token', token: registryToken, source };
  const identityToken = text(entry['identitytoken']);
  if (identityToken !== '') return { kind: 'identity-token', token: identityToken, username, source };
  return username === '' ? undefined : { kind: 'basic', username, password, source };
}

/** `auth` is base64 of `user:password`; older files have them as they are. */
function userAndPassword(
  entry: AuthEntry,
  path: string,
  key: string,
): { username: string; password: string } {
  const auth = text(entry['auth']);
  if (auth === '') return { username: text(entry['username']), password: text(entry['password']) };
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 0) {
    throw new NixpushError('ERR_FORMAT', `${path}: the entry for ${key} is not base64 of USER:PASSWORD`, {
      path,
    });
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isTextEntry(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
