/** Counts the bytes that the connection takes, for the progress display and the final report. */
export class UploadMeter {
  /** Repeats included. */
  sentBytes = 0;
  #position = 0;
  readonly #onBytes: ((delta: number) => void) | undefined;

  constructor(onBytes?: (delta: number) => void) {
    this.#onBytes = onBytes;
  }

  /** Offset in the blob after the last byte that was taken. */
  get position(): number {
    return this.#position;
  }

  take(bytes: number): void {
    this.sentBytes += bytes;
    this.#move(bytes);
  }

  /** The next byte to be sent is the one at `offset`. */
  seek(offset: number): void {
    this.#move(offset - this.#position);
  }

  #move(delta: number): void {
    this.#position += delta;
    if (delta !== 0) this.#onBytes?.(delta);
  }
}
