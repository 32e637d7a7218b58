import { createCipheriv, createHash } from 'node:crypto';
import { sha256 } from '../../src/base/digest.ts';
import type { BlobId, BlobSource } from '../../src/stores/image-store.ts';

/** `length` bytes that look random, are the same for the same seed, and differ at every offset. */
export function madeBytes(length: number, seed = 1): Buffer {
  const key = createHash('md5').update(String(seed)).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export interface MadeSourceOptions {
  /** The digest is told beforehand. Default: only after a whole pass, as for a layer that is made for the first time. */
  readonly known?: boolean;
  /** Bytes given at once. Default 10,000. */
  readonly pieceBytes?: number;
  /** Called before each piece with its offset; what it throws is the source's failure. */
  readonly onPiece?: (offset: number) => void | Promise<void>;
}

/** A source as layers are, which tells what was asked of it. */
export class MadeSource implements BlobSource {
  readonly what = 'layer 1';
  readonly bytes: Buffer;
  /** Offsets it was opened at, in order. */
  readonly opened: number[] = [];
  /** Bytes it gave, all passes together. */
  given = 0;
  /** Passes that are going on. */
  running = 0;
  #id: BlobId | undefined;
  readonly #options: MadeSourceOptions;

  constructor(bytes: Buffer, options: MadeSourceOptions = {}) {
    this.bytes = bytes;
    this.#options = options;
    if (options.known === true) this.#id = this.expected;
  }

  get expected(): BlobId {
    return { digest: sha256(this.bytes), size: this.bytes.length };
  }

  get id(): BlobId | undefined {
    return this.#id;
  }

  async *open(offset: number): AsyncGenerator<Uint8Array, void, void> {
    const { pieceBytes = 10_000, onPiece } = this.#options;
    this.opened.push(offset);
    this.running += 1;
    try {
      for (let at = offset; at < this.bytes.length; at += pieceBytes) {
        await onPiece?.(at);
        const piece = this.bytes.subarray(at, at + pieceBytes);
        this.given += piece.length;
        yield piece;
      }
      this.#id = this.expected;
    } finally {
      this.running -= 1;
    }
  }
}
