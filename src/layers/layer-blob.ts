import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Checkpoint } from '../base/checkpoint.ts';
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
  /** What it must come to, where somebody has said so. */
  readonly diffId?: Digest;
  /** From an earlier run; checked when the bytes are made all the same. */
  readonly known?: LayerFacts;
  /** Bytes of a pass going by, before and after compression. */
  readonly onBlock?: (read: number, written: number) => void;
  /** Awaited before the first whole pass ends: what a blob came to is remembered before anybody can finish storing it. */
  readonly onMade?: (facts: LayerFacts) => Promise<void>;
  /** Names the recipe, so that a later process can go on with an upload (`BlobSource.key`). */
  readonly key?: string;
}

const CHANGED = 'A store path was changed. Check with nix-store --verify --check-contents.';

/**
 * A layer as a stream that can be made again at any time. Digest, diffID and size come out of the pass that
 * produces the bytes; nothing is kept.
 */
export class LayerBlob {
  readonly what: string;
  readonly key: string | undefined;
  readonly #pool: WorkerPool;
  readonly #options: LayerBlobOptions;
  /** Of the longest pass so far: at the end of each block. */
  readonly #checkpoints: Checkpoint[] = [];
  #facts: LayerFacts | undefined;

  constructor(pool: WorkerPool, options: LayerBlobOptions) {
    this.#pool = pool;
    this.#options = options;
    this.what = options.what;
    this.key = options.key;
    this.#facts = options.known;
  }

  /** Known beforehand or after a whole pass. */
  get facts(): LayerFacts | undefined {
    return this.#facts;
  }

  get id(): LayerFacts | undefined {
    return this.#facts;
  }

  /** The furthest that a pass has come, for a process that goes on from there: see `open`. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoints.at(-1);
  }

  /**
   * The compressed bytes from `offset` on. Every pass makes all bytes, so that it can be checked as a whole, and block
   * by block against earlier passes and the checkpoint `earlier` of another process.
   * Throws ERR_INTEGRITY as soon as the bytes are not those of an earlier pass, and what reading throws.
   */
  async *open(
    offset: number,
    signal?: AbortSignal,
    earlier?: Checkpoint,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { blocks, codec, onBlock = () => undefined } = this.#options;
    const hash = createHash('sha256');
    let size = 0;
    let block = 0;
    for await (const { data, end } of compressedBlocks(this.#pool, codec, blocks(), onBlock)) {
      // Blocks that are ready come one after another as fast as sockets take them: a turn of the event loop for each.
      await setImmediate();
      if (signal?.aborted === true) throw abortError(signal);
      hash.update(data);
      const skip = Math.max(0, offset - size);
      size += data.byteLength;
      const reached = { offset: size, hash: hash.copy().digest('base64') };
      this.#compare(reached, (this.#checkpoints[block++] ??= reached));
      if (earlier?.offset === size) this.#compare(reached, earlier);
      if (end !== undefined)
        await this.#settle({ diffId: end.diffId, digest: `sha256:${hash.digest('hex')}`, size });
      if (skip < data.byteLength) yield skip === 0 ? data : data.subarray(skip);
    }
  }

  #compare(made: Checkpoint, earlier: Checkpoint): void {
    if (made.offset === earlier.offset && made.hash === earlier.hash) return;
    throw new NixpushError('ERR_INTEGRITY', `${this.what} changed while it was pushed`, { hint: CHANGED });
  }

  #checkDiffId(made: Digest): void {
    const { diffId = made } = this.#options;
    if (made === diffId) return;
    throw new NixpushError('ERR_INTEGRITY', `${this.what} comes to ${made}, not to ${diffId} as it should`, {
      digest: made,
      hint: 'What describes the image is wrong, or files changed since; build it again.',
    });
  }

  async #settle(made: LayerFacts): Promise<void> {
    this.#checkDiffId(made.diffId);
    const isFirst = this.#facts === undefined;
    const expected = (this.#facts ??= made);
    if (made.digest !== expected.digest || made.diffId !== expected.diffId) {
      throw new NixpushError(
        'ERR_INTEGRITY',
        `${this.what} gave other bytes than before (${made.digest} now, ${expected.digest} then)`,
        { digest: made.digest, hint: `${CHANGED.slice(0, -1)}, then push with --no-cache.` },
      );
    }
    if (isFirst) await this.#options.onMade?.(made);
  }
}
