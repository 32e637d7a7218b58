import { createHash } from 'node:crypto';
import type { Digest } from '../base/digest.ts';
import { abortError, NixpushError } from '../base/errors.ts';
import type { Codec } from './codec.ts';
import { compressedBlocks } from './engine/compressed-blocks.ts';
import type { WorkerPool } from './engine/pool.ts';
import type { RawBlock } from './engine/protocol.ts';

/** What a recipe comes to. `size` is the compressed size in bytes. */
export interface LayerFacts {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly size: number;
}

export interface LayerBlobOptions {
  /** The tar, block by block; every call gives the same bytes. */
  readonly blocks: () => AsyncIterable<RawBlock>;
  readonly codec: Codec;
  /** For messages: `layer 3`. */
  readonly what: string;
  /** From an earlier run; checked when the bytes are made all the same. */
  readonly known?: LayerFacts;
  /** Bytes of a pass going by, before and after compression. */
  readonly onBlock?: (read: number, written: number) => void;
}

/**
 * A layer as a stream that can be made again at any time. Digest, diffID and size come out of the pass that
 * produces the bytes; nothing is kept.
 */
export class LayerBlob {
  readonly what: string;
  readonly #pool: WorkerPool;
  readonly #options: LayerBlobOptions;
  #facts: LayerFacts | undefined;

  constructor(pool: WorkerPool, options: LayerBlobOptions) {
    this.#pool = pool;
    this.#options = options;
    this.what = options.what;
    this.#facts = options.known;
  }

  /** Known beforehand or after a whole pass. */
  get facts(): LayerFacts | undefined {
    return this.#facts;
  }

  get id(): LayerFacts | undefined {
    return this.#facts;
  }

  /**
   * The compressed bytes from `offset` on. Every pass makes all bytes, so that it can be checked as a whole.
   * Throws ERR_INTEGRITY at its end if the bytes are not those of an earlier pass, and what reading throws.
   */
  async *open(offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { blocks, codec, onBlock = () => undefined } = this.#options;
    const hash = createHash('sha256');
    let size = 0;
    for await (const { data, end } of compressedBlocks(this.#pool, codec, blocks(), onBlock)) {
      if (signal?.aborted === true) throw abortError(signal);
      hash.update(data);
      const skip = Math.max(0, offset - size);
      size += data.byteLength;
      if (end !== undefined)
        this.#settle({ diffId: end.diffId, digest: `sha256:${hash.digest('hex')}`, size });
      if (skip < data.byteLength) yield skip === 0 ? data : data.subarray(skip);
    }
  }

  #settle(made: LayerFacts): void {
    const expected = (this.#facts ??= made);
    if (made.digest === expected.digest && made.diffId === expected.diffId) return;
    throw new NixpushError(
      'ERR_INTEGRITY',
      `${this.what} gave other bytes than before (${made.digest} now, ${expected.digest} then)`,
      {
        digest: made.digest,
        hint: 'A store path was changed. Check with nix-store --verify --check-contents, then push with --no-cache.',
      },
    );
  }
}
