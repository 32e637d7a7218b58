/**
 * Memory for blocks, used again and again: the worker that reads a block, the one that compresses it in place and the main
 * thread that sends it share it. Nothing is copied, and nothing waits for a garbage collector, whose work with so many
 * large and short-lived buffers took a tenth of a push.
 */
export class BlockBuffers {
  readonly #free: SharedArrayBuffer[] = [];

  /** A buffer of `size` bytes, whatever is in it. Must be given back. */
  take(size: number): SharedArrayBuffer {
    const at = this.#free.findIndex(({ byteLength }) => byteLength === size);
    return at < 0 ? new SharedArrayBuffer(size) : this.#free.splice(at, 1)[0]!;
  }

  give(buffer: SharedArrayBuffer): void {
    this.#free.push(buffer);
  }
}
