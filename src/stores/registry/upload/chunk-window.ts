import type { Checkpoint } from '../../../base/checkpoint.ts';
import type { BlobSource } from '../../image-store.ts';
import { join } from './pieces.ts';

/**
 * A window of at most one chunk over a source. What the window holds can be sent again from any byte; going further
 * back makes the source begin anew at that offset.
 */
export class ChunkWindow {
  readonly #source: BlobSource;
  readonly #signal: AbortSignal | undefined;
  readonly #earlier: Checkpoint | undefined;
  #pass: AsyncIterator<Uint8Array> | undefined;
  /** Offset in the blob of the window's first byte. */
  #start = 0;
  #held: Uint8Array = new Uint8Array();
  /** What the pass gave beyond the window. */
  #rest: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(source: BlobSource, signal: AbortSignal | undefined, earlier?: Checkpoint) {
    this.#source = source;
    this.#signal = signal;
    this.#earlier = earlier;
  }

  /** Up to `size` bytes from `offset` on, fewer only at the end of the blob; valid until the next call. */
  async at(offset: number, size: number): Promise<Uint8Array> {
    const inWindow = offset >= this.#start && offset <= this.#start + this.#held.byteLength;
    if (this.#pass === undefined || !inWindow) await this.#reopen(offset);
    const kept = this.#held.subarray(offset - this.#start);
    this.#start = offset;
    // A tail that is sent again may be longer than a chunk has become meanwhile.
    if (kept.byteLength >= size) {
      this.#rest = join([kept.subarray(size), this.#rest], kept.byteLength - size + this.#rest.byteLength);
      this.#held = kept.subarray(0, size);
    } else this.#held = await this.#fill(kept, size);
    return this.#held;
  }

  async close(): Promise<void> {
    await this.#pass?.return?.();
    this.#pass = undefined;
  }

  async #reopen(offset: number): Promise<void> {
    await this.close();
    this.#pass = this.#source.open(offset, this.#signal, this.#earlier)[Symbol.asyncIterator]();
    this.#start = offset;
    this.#held = new Uint8Array();
    this.#rest = new Uint8Array();
    this.#ended = false;
  }

  async #fill(kept: Uint8Array, size: number): Promise<Uint8Array> {
    const pieces = [kept];
    let length = kept.byteLength;
    while (length < size) {
      const piece = await this.#next();
      if (piece === undefined) break;
      const part = piece.subarray(0, size - length);
      pieces.push(part);
      length += part.byteLength;
      this.#rest = piece.subarray(part.byteLength);
    }
    return join(pieces, length);
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#rest.byteLength > 0) {
      const rest = this.#rest;
      this.#rest = new Uint8Array();
      return rest;
    }
    if (this.#ended) return undefined;
    const { done, value } = await this.#pass!.next();
    if (done === true) this.#ended = true;
    return done === true ? undefined : Buffer.from(value);
  }
}
