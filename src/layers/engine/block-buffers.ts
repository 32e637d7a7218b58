/**
 * Memory for the blocks of tars, which the worker that reads and the one that compresses share, and which is used again
 * and again: nothing is copied, and nothing waits for a garbage collector.
 */
export class BlockBuffers {
  readonly #limit: () => number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #inUse = 0;

  /** At most `limit` buffers are in use. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** A buffer of `size` bytes, whatever is in it, as soon as there may be one more. Must be given back. */
  async take(size: number): Promise<SharedArrayBuffer> {
    while (this.#inUse >= this.#limit()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inUse++;
    const at = this.#free.findIndex(({ byteLength }) => byteLength === size);
    return at < 0 ? new SharedArrayBuffer(size) : this.#free.splice(at, 1)[0]!;
  }

  give(buffer: SharedArrayBuffer): void {
    this.#inUse--;
    this.#free.push(buffer);
    this.#waiting.shift()?.();
  }
}
