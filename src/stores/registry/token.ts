import { NixpushError } from '../../base/errors.ts';
import type { Clock } from './clock.ts';
import type { Credential } from './credential.ts';
import { registryError } from './registry-error.ts';
import type { HttpAnswer, HttpRequest, Sender } from './sender.ts';

export interface AccessToken {
  readonly value: string;
  /** From its issue to its end. */
  readonly lifetimeMs: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** From when on a new one is fetched: a little before it expires. */
  readonly renewAt: number;
}

export interface TokenRequest {
  /** Checked by the URL policy. */
  readonly realm: URL;
  readonly service: string | undefined;
  /** `repository:NAME:ACTIONS` */
  readonly scopes: readonly string[];
  /** Without one the token is for anonymous access. */
  readonly credential: Credential | undefined;
  /** The registry whose token it is, and the repository, for messages. */
  readonly host: string;
  readonly repository: string | undefined;
  readonly signal: AbortSignal;
}

/** Of a token whose answer does not say (distribution, token specification). */
const DEFAULT_LIFETIME_S = 60;
const ANSWER_LIMIT = 128 * 1024;
/** Token servers that do not know the POST form say so in one of these ways (containerd, remotes/docker/auth). */
const POST_UNKNOWN = new Set([400, 401, 404, 405]);
const CLIENT_ID = 'nixpush';

/**
 * Asks a token server for an access token: GET with a password or nothing (distribution, token specification),
 * POST with an identity token (OAuth 2), and GET in its place where the server does not know that.
 * Throws ERR_UNAUTHORIZED, ERR_DENIED, ERR_REGISTRY, ERR_NETWORK.
 */
export async function fetchToken(request: TokenRequest, sender: Sender, clock: Clock): Promise<AccessToken> {
  const startedAt = clock.now();
  let answer: HttpAnswer | undefined;
  if (request.credential?.kind === 'identity-token') {
    answer = await sender.send(postRequest(request, request.credential.token));
    if (POST_UNKNOWN.has(answer.status)) {
      await answer.body.dump();
      answer = undefined;
    }
  }
  answer ??= await sender.send(getRequest(request));
  const body = await answer.body.bytes(ANSWER_LIMIT);
  if (answer.status !== 200) throw tokenRefused(request, answer, body);
  return readToken(request, body, startedAt);
}

function getRequest(request: TokenRequest): HttpRequest {
  const { realm, service, scopes, credential } = request;
  const query = [
    ...(service === undefined ? [] : [`service=${encodeURIComponent(service)}`]),
    ...scopes.map((scope) => `scope=${encodeURIComponent(scope)}`),
  ].join('&');
  const url = new URL(realm);
  // The realm's own query stays as it is written.
  url.search = [realm.search.slice(1), query].filter((part) => part !== '').join('&');
  const authorization = credential === undefined ? undefined : basicAuthorization(credential);
  return {
    ...common(request),
    method: 'GET',
    url,
    headers: authorization === undefined ? {} : { authorization },
  };
}

function postRequest(request: TokenRequest, refreshToken: string): HttpRequest {
  const { realm, service, scopes } = request;
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
    ...(service === undefined ? {} : { service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  });
  return {
    ...common(request),
    method: 'POST',
    url: realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
  };
}

function common(request: TokenRequest): Pick<HttpRequest, 'retry' | 'signal' | 'what' | 'repository'> {
  const { signal } = request;
  return { retry: 'idempotent', signal, what: `getting a token for ${where(request)}` };
}

/** RFC 7617, in UTF-8. */
export function basicAuthorization(credential: Credential): string | undefined {
  if (credential.kind === 'registry-token') return undefined;
  const { username } = credential;
  const password = credential.kind === 'basic' ? credential.password : credential.token;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** What must not be shown although a server repeats it. */
export function credentialSecrets(credential: Credential | undefined): string[] {
  if (credential === undefined) return [];
  const basic = basicAuthorization(credential)?.slice('Basic '.length);
  const secret = credential.kind === 'basic' ? credential.password : credential.token;
  return basic === undefined ? [secret] : [basic, secret];
}

function tokenRefused(request: TokenRequest, answer: HttpAnswer, body: Uint8Array): NixpushError {
  return registryError({
    host: request.host,
    repository: request.repository,
    what: `getting a token from ${request.realm.host}`,
    status: answer.status,
    contentType: answer.headers['content-type'],
    body,
    credentialSource: request.credential?.source,
    secrets: credentialSecrets(request.credential),
  });
}

/** `token` and `access_token` are the same thing. */
function readToken(request: TokenRequest, body: Uint8Array, startedAt: number): AccessToken {
  const malformed = (why: string): NixpushError =>
    new NixpushError('ERR_REGISTRY', `${where(request)}: the token server ${request.realm.host} ${why}`, {
      host: request.host,
    });
  let document: Record<string, unknown>;
  try {
    document = (JSON.parse(Buffer.from(body).toString('utf8')) ?? {}) as Record<string, unknown>;
  } catch {
    throw malformed('did not answer with JSON');
  }
  const value = [document['token'], document['access_token']].find(
    (text) => typeof text === 'string' && text !== '',
  );
  if (typeof value !== 'string') throw malformed('sent no token');
  // Also keeps line breaks out of the header it becomes part of.
  if (!/^[\x21-\x7e]+$/.test(value)) throw malformed('sent a token with characters no token has');
  const lifetimeMs = lifetimeSeconds(document['expires_in']) * 1000;
  const early = Math.min(Math.max(5000, lifetimeMs / 10), lifetimeMs / 2);
  return { value, lifetimeMs, expiresAt: startedAt + lifetimeMs, renewAt: startedAt + lifetimeMs - early };
}

function lifetimeSeconds(value: unknown): number {
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_LIFETIME_S;
}

function where({ host, repository }: TokenRequest): string {
  return repository === undefined ? host : `${host}/${repository}`;
}
