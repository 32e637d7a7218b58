import type { Dispatcher } from 'undici';
import type { NixpushError } from '../../base/errors.ts';
import type { Clock } from './clock.ts';
import { HostGate } from './gate.ts';
import { networkError, type Attempt } from './network-error.ts';
import { attemptBody } from './request-body.ts';
import { headerRecord, responseBody, type RegistryResponse } from './response.ts';
import { backoffMs, isTransient, isTransientStatus, parseRetryAfter } from './retry.ts';
import { untilAborted } from './until-aborted.ts';

export interface HttpRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>) | undefined;
  readonly retry: 'idempotent' | 'never';
  readonly headersTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For messages. */
  readonly what: string;
  readonly repository?: string | undefined;
}

export interface HttpAnswer extends RegistryResponse {
  /** Whether the same request could be sent again. */
  readonly replayable: boolean;
}

/** Told before a wait: `longest` is for how long the request waits in all, at most. Milliseconds. */
export type WaitListener = (reason: string, milliseconds: number, longest?: number) => void;

export interface SenderOptions {
  readonly dispatcher: () => Promise<Dispatcher>;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly maxWaitMs: number;
  readonly onWait: WaitListener | undefined;
}

const HEADERS_TIMEOUT_MS = 60_000;
const BODY_TIMEOUT_MS = 60_000;
/** A host that never answered is more likely misspelt than overloaded. */
const RETRIES_BEFORE_FIRST_ANSWER = 2;

/** Sends requests to any host, again where that helps; knows nothing of credentials or redirects. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #gates = new Map<string, HostGate>();
  readonly #answered = new Set<string>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Any status is an answer. Throws ERR_NETWORK after the last try, and ERR_ABORTED. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { host } = request.url;
    const gate = this.#gate(host);
    let waited = 0;
    for (let attempt = 0; ; attempt += 1) {
      waited += await gate.pass(request.signal);
      const outcome = await this.#attempt(request);
      const pause = this.#pauseAfter(outcome, attempt);
      // A pause that nobody has the time for must not keep the others waiting either.
      if (pause?.forHost === true && pause.milliseconds <= this.#options.maxWaitMs)
        gate.hold(pause.milliseconds);
      const again =
        pause !== undefined &&
        request.retry === 'idempotent' &&
        outcome.replayable &&
        waited + pause.milliseconds <= this.#options.maxWaitMs &&
        (this.#answered.has(host) || attempt < RETRIES_BEFORE_FIRST_ANSWER);
      if (!again) {
        if (outcome.error !== undefined) throw outcome.error;
        return { ...outcome.answer, replayable: outcome.replayable };
      }
      await outcome.answer?.body.dump();
      const { maxWaitMs, onWait } = this.#options;
      onWait?.(pause.reason, pause.milliseconds, this.#answered.has(host) ? maxWaitMs : undefined);
      if (pause.forHost) continue;
      await this.#options.clock.sleep(pause.milliseconds, request.signal);
      waited += pause.milliseconds;
    }
  }

  async #attempt(request: HttpRequest): Promise<Outcome> {
    const { url, signal } = request;
    const attempt: Attempt = { host: url.host, repository: request.repository, what: request.what };
    const body = attemptBody(request.body);
    const undici = await import('./undici.ts');
    try {
      const dispatcher = await untilAborted(this.#options.dispatcher(), signal);
      const raw = await undici.request(dispatcher, url, {
        method: request.method,
        headers: {
          'user-agent': this.#options.userAgent,
          'accept-encoding': 'identity',
          ...request.headers,
        },
        // undici takes async iterables, its types only know some of them.
        body: (body.content ?? null) as NonNullable<Dispatcher.RequestOptions['body']> | null,
        // undici would end the connection of a HEAD, as long ago some servers answered it with a body.
        reset: false,
        headersTimeout: request.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
        bodyTimeout: Math.min(request.headersTimeoutMs ?? BODY_TIMEOUT_MS, BODY_TIMEOUT_MS),
        signal: signal ?? null,
      });
      this.#answered.add(url.host);
      const answer: RegistryResponse = {
        status: raw.statusCode,
        headers: headerRecord(raw.headers),
        url,
        body: responseBody(raw.body, attempt, signal),
      };
      return { answer, error: undefined, replayable: body.replayable() };
    } catch (error) {
      return {
        answer: undefined,
        error: networkError(error, attempt, signal),
        replayable: body.replayable(),
      };
    }
  }

  /** How long to wait after this outcome before another try; undefined if another try is no use. */
  #pauseAfter(outcome: Outcome, attempt: number): Pause | undefined {
    const { clock } = this.#options;
    const jitter = backoffMs(attempt, clock.random());
    if (outcome.error !== undefined) {
      return isTransient(outcome.error)
        ? { milliseconds: jitter, forHost: false, reason: outcome.error.message }
        : undefined;
    }
    const { status, headers, url } = outcome.answer;
    if (!isTransientStatus(status)) return undefined;
    const asked = parseRetryAfter(headers['retry-after'], clock.now());
    const milliseconds = Math.max(asked ?? 0, jitter);
    const forHost = asked !== undefined || status === 429 || status === 503;
    const reason =
      status === 429 ? `${url.host} limits the rate of requests (429)` : `${url.host} answered ${status}`;
    return { milliseconds, forHost, reason };
  }

  #gate(host: string): HostGate {
    let gate = this.#gates.get(host);
    if (gate === undefined) {
      gate = new HostGate(this.#options.clock);
      this.#gates.set(host, gate);
    }
    return gate;
  }
}

type Outcome =
  | { readonly answer: RegistryResponse; readonly error: undefined; readonly replayable: boolean }
  | { readonly answer: undefined; readonly error: NixpushError; readonly replayable: boolean };

interface Pause {
  readonly milliseconds: number;
  /** All requests to the host wait, not only this one. */
  readonly forHost: boolean;
  readonly reason: string;
}
