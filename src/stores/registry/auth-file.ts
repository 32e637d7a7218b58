import { readFile } from 'node:fs/promises';
import { ioError, NixpushError } from '../../base/errors.ts';
import { getFromHelper } from './credential-helper.ts';
import type { Credential, CredentialSource, Environment } from './credential.ts';

/** `config.json` of Docker and `auth.json` of podman, skopeo and buildah (containers-auth.json(5)) have one form. */
export interface AuthFile {
  /** By normalized key. */
  readonly auths: ReadonlyMap<string, Keyed<AuthEntry>>;
  readonly credHelpers: ReadonlyMap<string, Keyed<string>>;
  readonly credsStore: string | undefined;
}

interface Keyed<Value> {
  /** As the file has it. */
  readonly key: string;
  readonly value: Value;
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
      const helper = helperFor(file, keys);
      if (helper !== undefined) {
        const credential = await getFromHelper(helper.value, serverUrlOf(host), env, signal);
        if (credential !== undefined) return { ...credential, key: helper.key };
      }
      for (const key of keys) {
        const entry = file.auths.get(key);
        const credential = entry === undefined ? undefined : entryCredential(entry, path);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  const text = await readAuthText(path);
  return text === undefined ? undefined : parseAuthFile(parseAuthText(text, path));
}

/** Undefined if there is no such file. Throws ERR_IO. */
export async function readAuthText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw ioError(error, 'cannot read the credentials in', path);
  }
}

/** Throws ERR_FORMAT. */
export function parseAuthText(text: string, path: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's own message would quote the file, and with it a secret.
    throw new NixpushError('ERR_FORMAT', `${path} is not valid JSON`, { path });
  }
  return asObject(document);
}

/** Lenient: what has another form than it should is passed over. */
export function parseAuthFile({ auths, credHelpers, credsStore }: Record<string, unknown>): AuthFile {
  return {
    auths: byNormalizedKey(Object.entries(asObject(auths)).map(([key, entry]) => [key, asObject(entry)])),
    credHelpers: byNormalizedKey(Object.entries(asObject(credHelpers)).filter(isTextEntry)),
    credsStore: typeof credsStore === 'string' ? credsStore : undefined,
  };
}

/** An exact key wins over one that only means the same. */
function byNormalizedKey<Value>(entries: readonly (readonly [string, Value])[]): Map<string, Keyed<Value>> {
  const map = new Map<string, Keyed<Value>>();
  for (const [key, value] of entries) {
    const normalized = normalizeKey(key);
    if (normalized === key || !map.has(normalized)) map.set(normalized, { key, value });
  }
  return map;
}

/** Keys with a scheme are of Docker's old kind and name a host; others may name a namespace: `host/team/app`. */
export function normalizeKey(key: string): string {
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

/**
 * The helper program that is in charge, and the setting that says so. One for the host goes before the one for
 * everything; an empty name switches both off.
 */
export function helperFor(file: AuthFile, keys: readonly string[]): Keyed<string> | undefined {
  const key = keys.find((candidate) => file.credHelpers.has(candidate));
  const helper =
    key === undefined
      ? { key: 'credsStore', value: file.credsStore ?? '' }
      : { key: `credHelpers ${key}`, value: file.credHelpers.get(key)!.value };
  return helper.value === '' ? undefined : helper;
}

/** What a host is called towards helpers, and in the files that docker writes. */
export function serverUrlOf(host: string): string {
  return host === DOCKER_HUB ? DOCKER_HUB_KEY : host;
}

function entryCredential({ key, value: entry }: Keyed<AuthEntry>, path: string): Credential | undefined {
  const found = { source: path, key };
  const { username, password } = userAndPassword(entry, path, key);
  const registryToken = text(entry['registrytoken']);
  if (registryToken !== '') return { kind: 'registry-token', token: registryToken, ...found };
  const identityToken = text(entry['identitytoken']);
  if (identityToken !== '') return { kind: 'identity-token', token: identityToken, username, ...found };
  return username === '' ? undefined : { kind: 'basic', username, password, ...found };
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
