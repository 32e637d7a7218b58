import { abortError, NixpushError } from '../../../base/errors.ts';
import type { RegistryResponse } from '../client.ts';
import { evenPieces } from './pieces.ts';
import { SourceFailure } from './source-failure.ts';
import { pushing, type UploadTask } from './upload-task.ts';
import { Watchdog } from './watchdog.ts';

export interface BodyRequest {
  readonly method: 'PATCH' | 'PUT';
  readonly url: URL;
  /** Bytes; undefined sends the body with chunked transfer encoding. */
  readonly length: number | undefined;
  /** Offset in the blob of the body's first byte. */
  readonly offset: number;
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expect: readonly number[];
  readonly answerMs?: number;
}

/**
 * Sends one request whose body is made while it is sent. An answer that comes before the end of the body stops the
 * source at once, and so does a connection that takes nothing for `stallMs`.
 * Throws what the client throws, SourceFailure, and ERR_NETWORK for an early or missing answer.
 */
export async function sendBody(task: UploadTask, request: BodyRequest): Promise<RegistryResponse> {
  try {
    return await sendOnce(task, request);
  } catch (error) {
    // The token died since the last request: nothing of the body was stored, and the client fetches a new one.
    if (error instanceof NixpushError && error.status === 401) return sendOnce(task, request);
    throw error;
  }
}

async function sendOnce(task: UploadTask, request: BodyRequest): Promise<RegistryResponse> {
  const sending = new Sending(task, request);
  const stop = (): void => sending.stop(task.signal?.reason);
  task.signal?.addEventListener('abort', stop, { once: true });
  try {
    const response = await task.client.request({
      method: request.method,
      path: request.url,
      scopes: task.scopes,
      what: pushing(task),
      headers: {
        'content-type': 'application/octet-stream',
        ...(request.length === undefined ? {} : { 'content-length': String(request.length) }),
        ...request.headers,
      },
      body: () => sending.body(),
      expect: request.expect,
      retry: 'never',
      headersTimeoutMs: request.answerMs ?? task.policy.stallMs,
      signal: sending.signal,
    });
    await response.body.dump();
    if (!sending.complete) throw earlyAnswer(task, response.status);
    return response;
  } catch (error) {
    if (sending.failure !== undefined) throw sending.failure;
    if (task.signal?.aborted === true) throw abortError(task.signal);
    throw error;
  } finally {
    task.signal?.removeEventListener('abort', stop);
    sending.end();
  }
}

/** The body of one request, while it goes out. */
class Sending {
  failure: SourceFailure | undefined;
  readonly #task: UploadTask;
  readonly #request: BodyRequest;
  readonly #stopper = new AbortController();
  readonly #watchdog: Watchdog;
  #taken = 0;
  #ended = false;

  constructor(task: UploadTask, request: BodyRequest) {
    this.#task = task;
    this.#request = request;
    this.#watchdog = new Watchdog(task.policy.stallMs, () => this.stop(stalled(task)));
    if (task.signal?.aborted === true) this.stop(task.signal.reason);
  }

  get signal(): AbortSignal {
    return this.#stopper.signal;
  }

  /** All bytes are out. With a Content-Length the answer may overtake the source's own end. */
  get complete(): boolean {
    return this.#ended || this.#taken === this.#request.length;
  }

  stop(reason: unknown): void {
    this.#watchdog.stop();
    this.#stopper.abort(reason);
  }

  /** The request is over: what may still be made of its body is not wanted any more. */
  end(): void {
    if (this.complete) this.#watchdog.stop();
    else this.stop(undefined);
  }

  async *body(): AsyncGenerator<Uint8Array, void, void> {
    const { meter, policy } = this.#task;
    this.#taken = 0;
    meter.seek(this.#request.offset);
    for await (const piece of evenPieces(this.#guarded(), policy.pieceBytes)) {
      this.signal.throwIfAborted();
      this.#taken += piece.byteLength;
      meter.take(piece.byteLength);
      this.#watchdog.start();
      yield lasting(piece);
      this.#watchdog.stop();
    }
    this.#ended = true;
  }

  /** The source's bytes; remembers that it was the source that failed, as the connection's error would hide it. */
  async *#guarded(): AsyncGenerator<Uint8Array, void, void> {
    const { length, open } = this.#request;
    let made = 0;
    try {
      for await (const piece of open(this.signal)) {
        made += piece.byteLength;
        if (length !== undefined && made > length) throw wrongLength(this.#task, length);
        yield piece;
      }
      if (length !== undefined && made < length) throw wrongLength(this.#task, length);
    } catch (error) {
      if (!this.signal.aborted) this.failure = new SourceFailure(error);
      throw error;
    }
  }
}

/**
 * The source uses a piece's memory again when the next one is asked for. undici asks when the socket has written what it
 * was given; but of what is shorter than its `highWaterMark` (64 KiB) a socket says at once that it has.
 */
function lasting(piece: Uint8Array): Uint8Array {
  return piece.byteLength < SURELY_WRITTEN ? Buffer.from(piece) : piece;
}

const SURELY_WRITTEN = 128 * 1024;

function stalled(task: UploadTask): NixpushError {
  const { host } = task.client;
  const seconds = Math.round(task.policy.stallMs / 1000);
  return new NixpushError('ERR_NETWORK', `${host}: ${pushing(task)} made no progress for ${seconds} s`, {
    host,
    repository: task.repository,
  });
}

function earlyAnswer(task: UploadTask, status: number): NixpushError {
  const { host } = task.client;
  return new NixpushError(
    'ERR_NETWORK',
    `${host}: ${pushing(task)} was answered (${status}) before its end`,
    {
      host,
      repository: task.repository,
    },
  );
}

function wrongLength(task: UploadTask, length: number): NixpushError {
  return new NixpushError(
    'ERR_INTEGRITY',
    `${task.source.what} is not the ${length} bytes that were expected`,
  );
}
