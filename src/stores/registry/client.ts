import type { Dispatcher } from 'undici';
import { NixpushError } from '../../base/errors.ts';
import { headerRecord, responseBody, type RegistryResponse } from './response.ts';
import type { Scope } from './scope.ts';

export type { RegistryResponse, ResponseBody } from './response.ts';
export type { Scope, ScopeAction } from './scope.ts';

export interface RegistryClientOptions {
  /** As in a reference: `docker.io`, `localhost:5000`. */
  host: string;
  /** Allow plain HTTP and unverified certificates. */
  insecure?: boolean;
  /** In place of the connections the client would make itself. */
  dispatcher?: Dispatcher;
  userAgent?: string;
  /** The client waits before it tries again. */
  onWait?(reason: string, milliseconds: number): void;
  /** How long one request may wait in all, milliseconds. */
  maxWaitMs?: number;
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
  /** By the URL policy, without credentials off the registry's origin. */
  followRedirects?: boolean;
  /** Until the answer's first byte after the request is sent. Default 60 000. */
  headersTimeoutMs?: number;
  signal?: AbortSignal;
}

export class RegistryClient {
  readonly host: string;
  readonly #options: RegistryClientOptions;

  constructor(options: RegistryClientOptions) {
    this.host = options.host;
    this.#options = options;
  }

  /** The registry's base URL, for `resolveLocation`. */
  async origin(): Promise<URL> {
    return new URL(`http://${this.host}`);
  }

  async request(options: RegistryRequest): Promise<RegistryResponse> {
    const { request } = await import('undici');
    const url = options.path instanceof URL ? options.path : new URL(options.path, await this.origin());
    const { body, signal } = options;
    const response = await request(url, {
      method: options.method,
      headers: { 'accept-encoding': 'identity', ...options.headers },
      headersTimeout: options.headersTimeoutMs ?? 60_000,
      ...(body === undefined ? {} : { body: (typeof body === 'function' ? body() : body) as never }),
      ...(signal === undefined ? {} : { signal }),
      ...(this.#options.dispatcher === undefined ? {} : { dispatcher: this.#options.dispatcher }),
    });
    const translate = (error: unknown): NixpushError =>
      new NixpushError('ERR_NETWORK', `${this.host}: the connection broke`, { cause: error });
    if (!options.expect.includes(response.statusCode)) {
      await response.body.dump();
      throw new NixpushError('ERR_REGISTRY', `${this.host}: answered ${response.statusCode}`, {
        host: this.host,
        status: response.statusCode,
      });
    }
    return {
      status: response.statusCode,
      headers: headerRecord(response.headers),
      url,
      body: responseBody(response.body, translate),
    };
  }

  /** Makes sure that the token for these scopes lives at least `milliseconds` more; for the moment before a final PUT. */
  async refreshToken(_scopes: readonly Scope[], _milliseconds: number, _signal?: AbortSignal): Promise<void> {
    await this.origin();
  }

  async close(): Promise<void> {
    await this.#options.dispatcher?.close();
  }
}
