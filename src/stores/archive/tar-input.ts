import type { FileHandle } from 'node:fs/promises';

/** The bytes of a tar, read from front to back. */
export interface TarInput {
  /** Bytes before the next one. */
  readonly position: number;
  /** The next bytes, at most `length`; none at the end. */
  read(length: number): Promise<Buffer>;
  /** Goes forward. False if the tar ends before. */
  advance(position: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Bytes read at a time. */
const CHUNK_BYTES = 256 * 1024;

/** A tar in a file: going forward costs nothing. */
export class FileInput implements TarInput {
  position = 0;
  readonly #handle: FileHandle;
  readonly #size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  async read(length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(length, CHUNK_BYTES));
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.byteLength, this.position);
    this.position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  async advance(position: number): Promise<boolean> {
    this.position = position;
    return position <= this.#size;
  }

  async close(): Promise<void> {
    // The file stays open for others.
  }
}

/** A tar that comes out of a decompressor. */
export class StreamInput implements TarInput {
  position = 0;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#pieces = bytes[Symbol.asyncIterator]();
  }

  async read(length: number): Promise<Buffer> {
    if (this.#piece.byteLength === 0 && !(await this.#next())) return this.#piece;
    const part = this.#piece.subarray(0, length);
    this.#piece = this.#piece.subarray(part.byteLength);
    this.position += part.byteLength;
    return part;
  }

  async advance(position: number): Promise<boolean> {
    while (this.position < position) {
      if ((await this.read(position - this.position)).byteLength === 0) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #next(): Promise<boolean> {
    while (this.#piece.byteLength === 0) {
      const { value, done } = await this.#pieces.next();
      if (done === true) return false;
      this.#piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return true;
  }
}

/** Exactly `length` bytes, or fewer at the end. */
export async function readFully(input: TarInput, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let left = length;
  while (left > 0) {
    const piece = await input.read(left);
    if (piece.byteLength === 0) break;
    pieces.push(piece);
    left -= piece.byteLength;
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
