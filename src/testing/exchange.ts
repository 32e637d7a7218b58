import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultEffect, Operation } from './faults.ts';

/** A request as the registry saw it, for assertions. */
export interface RecordedRequest {
  readonly operation: Operation;
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Status of the answer; 0 if the connection was cut first. */
  status: number;
  /** Bytes of the body that were read. */
  bytes: number;
}

/** The fault of this request cut the connection: nothing more to do for it. */
export class ConnectionCut extends Error {}

/** One request, its answer, and the fault that hits it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly record: RecordedRequest;
  readonly effect: FaultEffect | undefined;
  /** The answer's length is said twice. */
  duplicateLength: 'same' | 'different' | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    record: RecordedRequest,
    effect: FaultEffect | undefined,
  ) {
    this.request = request;
    this.response = response;
    this.url = url;
    this.record = record;
    this.effect = effect;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** Content-Length of the request; undefined if the body's length is not announced. */
  get length(): number | undefined {
    const text = this.header('content-length');
    if (text !== undefined) return Number(text);
    return this.header('transfer-encoding') === undefined ? 0 : undefined;
  }

  /**
   * Hands over the body piece by piece, as the fault permits. False if the client broke off, or if `keep` said
   * that it wants no more; throws ConnectionCut if the fault did.
   */
  async readBody(keep: (piece: Buffer) => boolean | void): Promise<boolean> {
    const limit = this.cutAfter ?? Number.POSITIVE_INFINITY;
    if (limit === 0) this.cut();
    try {
      // The iteration must not end the connection: it may have to stall, or to carry an answer.
      for await (const piece of this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        const part = piece.subarray(0, limit - this.record.bytes);
        this.record.bytes += part.length;
        if (keep(part) === false) return false;
        if (this.record.bytes >= limit) this.cut();
      }
    } catch (error) {
      if (error instanceof ConnectionCut) throw error;
      return false;
    }
    if (Number.isFinite(limit)) this.cut();
    return true;
  }

  async readAll(): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    const whole = await this.readBody((piece) => void pieces.push(piece));
    return whole ? Buffer.concat(pieces) : undefined;
  }

  answer(
    status: number,
    headers: Readonly<Record<string, string | undefined>> = {},
    body: Uint8Array | string = '',
  ): void {
    if (this.effect?.kind === 'lose-answer') this.cut();
    const answersBytes = this.request.method !== 'HEAD' && Buffer.byteLength(body) > 0;
    if (this.cutAfter !== undefined && this.length === 0 && !answersBytes) this.cut();
    this.record.status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.response.setHeader(name, value);
    }
    this.response.statusCode = status;
    if (this.length !== 0 && !this.request.complete) {
      // As servers do: what is still on its way is thrown away, and the connection ends with the answer.
      this.response.setHeader('connection', 'close');
      this.request.resume();
    }
    if (this.request.method === 'HEAD') {
      this.response.end();
      return;
    }
    if (status !== 204) this.response.setHeader('content-length', this.#lengths(Buffer.byteLength(body)));
    const cutAfter = this.request.method === 'GET' ? this.cutAfter : undefined;
    if (cutAfter === undefined) {
      this.response.end(body);
      return;
    }
    this.response.write(Buffer.from(body).subarray(0, cutAfter), () => this.#hangUp());
  }

  #lengths(length: number): number | string[] {
    if (this.duplicateLength === undefined) return length;
    return [String(length), String(this.duplicateLength === 'same' ? length : length + 1)];
  }

  /** An error as the distribution-spec shapes it. */
  refuse(
    status: number,
    code: string,
    message: string = code,
    headers: Record<string, string | undefined> = {},
  ): void {
    this.answer(
      status,
      { 'content-type': 'application/json', ...headers },
      JSON.stringify({ errors: [{ code, message }] }),
    );
  }

  /** Bytes after which the fault cuts the transfer. */
  get cutAfter(): number | undefined {
    const { effect } = this;
    return effect?.kind === 'reset' || effect?.kind === 'stall' ? effect.afterBytes : undefined;
  }

  cut(): never {
    this.#hangUp();
    throw new ConnectionCut('cut by a fault');
  }

  /** A stalled connection is left alone: reading stops here and now. */
  #hangUp(): void {
    if (this.effect?.kind === 'stall') this.request.pause();
    else this.request.socket.resetAndDestroy();
  }
}
