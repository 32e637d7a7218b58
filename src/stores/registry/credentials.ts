import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { homedir } from 'node:os';
import { NixpushError, usageError } from '../../base/errors.ts';
import { authFileCredentials } from './auth-file.ts';
import type { Credential, CredentialSource, Environment } from './credential.ts';

/**
 * Where credentials are looked for, first match wins: the environment (NIXPUSH_REGISTRY with NIXPUSH_USERNAME and
 * NIXPUSH_PASSWORD, or with NIXPUSH_TOKEN), REGISTRY_AUTH_FILE, DOCKER_CONFIG's config.json, the containers' auth.json
 * (runtime directory, configuration directory), Docker's config.json.
 */
export function defaultCredentials(env: Environment = process.env): CredentialSource {
  return firstOf(credentialPlaces(env).map(({ source }) => source));
}

/** One of the places that are looked at. */
export interface CredentialPlace {
  /** For people. */
  readonly name: string;
  readonly source: CredentialSource;
  /** Of a file; it need not exist. */
  readonly file?: string;
}

/** The places in the order they are looked at. */
export function credentialPlaces(env: Environment): CredentialPlace[] {
  return [
    { name: ENVIRONMENT, source: environmentCredentials(env) },
    ...credentialFiles(env).map((file) => ({ name: file, source: authFileCredentials(file, env), file })),
  ];
}

/**
 * The file that a login goes to: the one that REGISTRY_AUTH_FILE or DOCKER_CONFIG names; else the first one that exists,
 * so that no other hides the login; else Docker's config.json, which docker, podman and skopeo all read.
 */
export function loginFile(env: Environment): string {
  const files = credentialFiles(env);
  return namedFiles(env)[0] ?? files.find((file) => existsSync(file)) ?? files.at(-1)!;
}

/** The same credentials for one host only: they are never shown to another. */
export function fixedCredentials(host: string, credential: Credential): CredentialSource {
  return { find: async (wanted) => (wanted === host ? credential : undefined) };
}

export function firstOf(sources: readonly CredentialSource[]): CredentialSource {
  return {
    async find(host, repository, signal) {
      for (const source of sources) {
        const credential = await source.find(host, repository, signal);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

/**
 * The files in the order they are looked at; they need not exist. What a variable names goes first, as with podman and
 * skopeo, which look nowhere else then.
 */
export function credentialFiles(env: Environment): string[] {
  const home = env['HOME'] ?? homedir();
  const runtime = directory(env['XDG_RUNTIME_DIR']);
  const config = directory(env['XDG_CONFIG_HOME']) ?? join(home, '.config');
  return [
    ...namedFiles(env),
    runtime === undefined
      ? `/run/containers/${process.getuid?.() ?? 0}/auth.json`
      : join(runtime, 'containers/auth.json'),
    join(config, 'containers/auth.json'),
    ...(nonEmpty(env['DOCKER_CONFIG']) === undefined ? [join(home, '.docker/config.json')] : []),
  ];
}

function namedFiles(env: Environment): string[] {
  const docker = nonEmpty(env['DOCKER_CONFIG']);
  const named = [nonEmpty(env['REGISTRY_AUTH_FILE']), docker && join(docker, 'config.json')];
  return named.filter((file) => file !== undefined);
}

const ENVIRONMENT = 'the environment (NIXPUSH_*)';

function environmentCredentials(env: Environment): CredentialSource {
  const username = nonEmpty(env['NIXPUSH_USERNAME']);
  const password = nonEmpty(env['NIXPUSH_PASSWORD']);
  const token = nonEmpty(env['NIXPUSH_TOKEN']);
  const host = nonEmpty(env['NIXPUSH_REGISTRY']);
  const found = { source: ENVIRONMENT, ...(host === undefined ? {} : { key: host }) };
  return {
    async find(wanted) {
      if (password === undefined && token === undefined) return undefined;
      if (host === undefined) {
        throw usageError(
          'NIXPUSH_PASSWORD or NIXPUSH_TOKEN is set, but NIXPUSH_REGISTRY does not say for which host',
          'Set NIXPUSH_REGISTRY to the host as in the destination, for example ghcr.io.',
        );
      }
      if (wanted !== host) return undefined;
      if (token !== undefined) return { kind: 'registry-token', token, ...found };
      if (username === undefined) {
        throw new NixpushError('ERR_USAGE', 'NIXPUSH_PASSWORD is set, but NIXPUSH_USERNAME is not');
      }
      return { kind: 'basic', username, password: password!, ...found };
    },
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** The XDG rules ignore relative paths. */
function directory(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
