import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';
import { abortError, NixpushError } from '../../base/errors.ts';
import { Authorizer, type Authorization } from './authorizer.ts';
import { systemClock, type Clock } from './clock.ts';
import type { CredentialSource } from './credential.ts';
import { discover, type Discovery } from './discovery.ts';
import { rateBudget, type RateBudget } from './rate-budget.ts';
import { registryError } from './registry-error.ts';
import type { RegistryResponse } from './response.ts';
import type { Scope } from './scope.ts';
import { Sender, type HttpAnswer, type WaitListener } from './sender.ts';
import { createTransport } from './transport.ts';
import { untilAborted } from './until-aborted.ts';
import { resolveRedirect } from './url-policy.ts';

export type { RegistryResponse, ResponseBody } from './response.ts';
export type { Scope, ScopeAction } from './scope.ts';

export interface RegistryClientOptions {
  /** As in a reference: `docker.io`, `localhost:5000`. */
  host: string;
  /** Allow plain HTTP and unverified certificates. */
  insecure?: boolean;
  /** A file with certificates of authorities to trust in addition. */
  caFile?: string;
  /** Asked only when the registry wants credentials. Default: every access is anonymous. */
  credentials?: CredentialSource;
  /** Token servers (host[:port]) of another domain than the registry's that may see its credentials. */
  trustedRealms?: readonly string[];
  /** What an earlier client found out, in place of a first contact. Where it is out of date, requests fail. */
  discovery?: Discovery | undefined;
  /** In place of the connections the client would make itself; stays open at `close`. */
  dispatcher?: Dispatcher;
  userAgent?: string;
  /** The client waits before it tries again. */
  onWait?: WaitListener;
  /** How long one request may wait in all between its tries, milliseconds. Default five minutes. */
  maxWaitMs?: number;
  clock?: Clock;
}

export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** `/v2/…`, or an upload's Location that `resolveLocation` gave. */
  path: string | URL;
  scopes: readonly Scope[];
  /** For messages: "pushing a blob". */
  what?: string;
  headers?: Readonly<Record<string, string>>;
  /** A function is called again only while none of its bytes was taken. */
  body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Other statuses become a NixpushError with `status`. */
  expect: readonly number[];
  /** `idempotent`: connection errors, 408, 425, 429, 499 and 5xx are tried again. */
  retry: 'idempotent' | 'never';
  /** By the URL policy, without credentials off the registry's origin. For GET and HEAD. */
  followRedirects?: boolean;
  /** Until the answer's first byte after the request is sent. Default 60 000. */
  headersTimeoutMs?: number;
  signal?: AbortSignal;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const ERROR_BODY_LIMIT = 64 * 1024;
const MAX_WAIT_MS = 5 * 60_000;

interface Session extends Discovery {
  readonly authorizer: Authorizer;
}

/** Speaks to one registry. Everything that needs it in a process shares it, so that they share tokens and waits. */
export class RegistryClient {
  readonly host: string;
  readonly #options: RegistryClientOptions;
  readonly #clock: Clock;
  readonly #sender: Sender;
  readonly #closing = new AbortController();
  #dispatcher: Promise<Dispatcher> | undefined;
  #session: Promise<Session> | undefined;
  #discovered: Discovery | undefined;
  #budget: RateBudget | undefined;

  constructor(options: RegistryClientOptions) {
    this.host = options.host;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#sender = new Sender({
      dispatcher: () => this.#transport(),
      clock: this.#clock,
      userAgent: options.userAgent ?? 'nixpush',
      maxWaitMs: this.maxWaitMs,
      onWait: options.onWait,
    });
  }

  /** Scheme, host and port of the registry's API, for `resolveLocation`; the first call finds it out. */
  async origin(signal?: AbortSignal): Promise<URL> {
    return (await this.#connect(signal)).origin;
  }

  /** What the first contact showed; the first call makes it. */
  async discovery(signal?: AbortSignal): Promise<Discovery> {
    return this.#connect(signal);
  }

  /** The same, if it was found out: also after `close`. */
  get discovered(): Discovery | undefined {
    return this.#discovered;
  }

  /** How long a request waits in all before it is given up, milliseconds. */
  get maxWaitMs(): number {
    return this.#options.maxWaitMs ?? MAX_WAIT_MS;
  }

  /** What the registry will still answer, as its last answer about it has it; undefined while it said nothing. */
  get budget(): RateBudget | undefined {
    return this.#budget;
  }

  /**
   * Throws ERR_UNAUTHORIZED (401), ERR_DENIED (403), ERR_NOT_FOUND (404), ERR_REGISTRY (other statuses not expected),
   * ERR_NETWORK, ERR_ABORTED.
   */
  async request(options: RegistryRequest): Promise<RegistryResponse> {
    // One signal stops any number of requests; without this Node warns of a leak from the eleventh on.
    if (options.signal !== undefined) setMaxListeners(0, options.signal);
    const session = await this.#connect(options.signal);
    const { answer, authorization } = await this.#authorized(session, options);
    const final = await this.#followed(session, options, answer, authorization);
    if (options.expect.includes(final.status)) return final;
    throw await this.#refused(options, final, authorization);
  }

  /** Makes sure that the token for these scopes lives at least `milliseconds` more; for the moment before a final PUT. */
  async refreshToken(scopes: readonly Scope[], milliseconds: number, signal?: AbortSignal): Promise<void> {
    const { authorizer } = await this.#connect(signal);
    await authorizer.authorize(scopes, signal, milliseconds);
  }

  /** How long a token for these scopes lives, milliseconds; undefined where the registry wants none. */
  async tokenLifetime(scopes: readonly Scope[], signal?: AbortSignal): Promise<number | undefined> {
    const { authorizer } = await this.#connect(signal);
    return (await authorizer.token(scopes, signal))?.lifetimeMs;
  }

  /** Ends the connections, also those in use. */
  async close(): Promise<void> {
    this.#closing.abort(new NixpushError('ERR_ABORTED', `${this.host}: the client was closed`));
    if (this.#options.dispatcher === undefined) await (await this.#dispatcher)?.destroy();
  }

  #transport(): Promise<Dispatcher> {
    const { dispatcher, insecure = false, caFile } = this.#options;
    this.#dispatcher ??=
      dispatcher === undefined
        ? createTransport({ host: this.host, insecure, caFile })
        : Promise.resolve(dispatcher);
    return this.#dispatcher;
  }

  async #connect(signal?: AbortSignal): Promise<Session> {
    if (this.#closing.signal.aborted) throw abortError(this.#closing.signal);
    if (this.#session === undefined) {
      const session = this.#open();
      this.#session = session;
      session.catch(() => {
        this.#session = undefined;
      });
    }
    return untilAborted(this.#session, signal);
  }

  async #open(): Promise<Session> {
    const closed = this.#closing.signal;
    const { insecure = false, credentials, trustedRealms = [] } = this.#options;
    const discovery = this.#options.discovery ?? (await discover(this.host, insecure, this.#sender, closed));
    this.#discovered = discovery;
    const authorizer = new Authorizer(discovery, {
      host: this.host,
      credentials,
      trustedRealms,
      sender: this.#sender,
      clock: this.#clock,
      closed,
    });
    return { ...discovery, authorizer };
  }

  /** Sends the request with credentials; once again each after a stale token and a scope too narrow. */
  async #authorized(session: Session, options: RegistryRequest): Promise<AuthorizedAnswer> {
    const { origin, authorizer } = session;
    const url = options.path instanceof URL ? options.path : new URL(options.path, origin);
    const ours = url.origin === origin.origin;
    const tried = new Set<string>();
    for (;;) {
      const authorization = ours ? await authorizer.authorize(options.scopes, options.signal) : undefined;
      const answer = await this.#send(options, url, authorization);
      if (ours) this.#budget = rateBudget(answer.headers) ?? this.#budget;
      if (answer.status !== 401 || authorization === undefined) return { answer, authorization };
      const next = await authorizer.reconsider(answer, options.scopes, authorization);
      if (next === 'no' || tried.has(next) || !answer.replayable) return { answer, authorization };
      tried.add(next);
      await answer.body.dump();
    }
  }

  async #followed(
    { origin }: Session,
    options: RegistryRequest,
    first: HttpAnswer,
    authorization: Authorization | undefined,
  ): Promise<HttpAnswer> {
    let answer = first;
    for (
      let redirects = 0;
      options.followRedirects === true && REDIRECTS.includes(answer.status);
      redirects += 1
    ) {
      const { location } = answer.headers;
      if (location === undefined || options.expect.includes(answer.status)) return answer;
      await answer.body.dump();
      if (redirects === MAX_REDIRECTS) {
        throw new NixpushError('ERR_REGISTRY', `${this.host} redirects more than ${MAX_REDIRECTS} times`, {
          host: this.host,
        });
      }
      const { url, sendCredentials } = resolveRedirect(location, answer.url, origin);
      answer = await this.#send(options, url, sendCredentials ? authorization : undefined);
    }
    return answer;
  }

  #send(options: RegistryRequest, url: URL, authorization: Authorization | undefined): Promise<HttpAnswer> {
    const { method, headers, body, retry, headersTimeoutMs, signal } = options;
    const credentials = authorization?.header === undefined ? {} : { authorization: authorization.header };
    return this.#sender.send({
      method,
      url,
      headers: { ...headers, ...credentials },
      body,
      retry,
      headersTimeoutMs,
      signal,
      what: what(options),
      repository: options.scopes[0]?.repository,
    });
  }

  async #refused(
    options: RegistryRequest,
    answer: HttpAnswer,
    authorization: Authorization | undefined,
  ): Promise<NixpushError> {
    return registryError({
      host: this.host,
      repository: options.scopes[0]?.repository,
      what: what(options),
      status: answer.status,
      contentType: answer.headers['content-type'],
      body: await answer.body.start(ERROR_BODY_LIMIT),
      credentialSource: authorization?.source,
      secrets: authorization?.secrets ?? [],
    });
  }
}

interface AuthorizedAnswer {
  readonly answer: HttpAnswer;
  readonly authorization: Authorization | undefined;
}

function what({ method, what }: RegistryRequest): string {
  return what ?? `the ${method} request`;
}
