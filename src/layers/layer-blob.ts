import { createHash } from 'node:crypto';
import type { Digest } from '../base/digest.ts';
import { abortError, NixpushError } from '../base/errors.ts';
import { codecHeader, codecTrailer } from './engine/compress.ts';
import type { WorkerPool } from './engine/pool.ts';
import type { RawBlock, TarEndInfo } from './engine/protocol.ts';
import type { LayerRecipe } from './recipe.ts';

/** What a recipe comes to. `size` is the compressed size in bytes. */
export interface LayerFacts {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly size: number;
}

export interface LayerBlobOptions {
  readonly recipe: LayerRecipe;
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
    const hash = createHash('sha256');
    let size = 0;
    const pass = new Pass(this.#pool, this.#options, signal);
    for await (const piece of pass.pieces()) {
      hash.update(piece);
      const skip = Math.max(0, offset - size);
      size += piece.byteLength;
      if (skip < piece.byteLength) yield skip === 0 ? piece : piece.subarray(skip);
    }
    this.#settle({ diffId: pass.end.diffId, digest: `sha256:${hash.digest('hex')}`, size });
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

let passes = 0;

/** One run through a layer: read ahead by a few blocks, compressed on all workers, given in order. */
class Pass {
  readonly #pool: WorkerPool;
  readonly #options: LayerBlobOptions;
  readonly #signal: AbortSignal | undefined;
  #end: TarEndInfo | undefined;

  constructor(pool: WorkerPool, options: LayerBlobOptions, signal: AbortSignal | undefined) {
    this.#pool = pool;
    this.#options = options;
    this.#signal = signal;
  }

  get end(): TarEndInfo {
    return this.#end!;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, void> {
    const { recipe } = this.#options;
    const header = codecHeader(recipe.codec);
    if (header.byteLength > 0) yield header;
    yield* this.#blocks(recipe);
    const trailer = codecTrailer(recipe.codec, this.end.crc32, this.end.size);
    if (trailer.byteLength > 0) yield trailer;
  }

  async *#blocks(recipe: LayerRecipe): AsyncGenerator<Uint8Array, void, void> {
    const pass = passes++;
    const member = this.#pool.assign();
    const ahead = this.#pool.size + 1;
    const queue: Promise<Uint8Array>[] = [];
    let reading: Promise<RawBlock> | undefined = this.#pool.run({ kind: 'read', pass, recipe }, member);
    let opened = false;
    try {
      while (reading !== undefined || queue.length > 0) {
        if (this.#signal?.aborted === true) throw abortError(this.#signal);
        if (reading !== undefined && queue.length < ahead) {
          const block: RawBlock = await reading;
          opened = true;
          this.#end = block.end;
          reading = block.end === undefined ? this.#pool.run({ kind: 'read', pass }, member) : undefined;
          const compressed = this.#compress(block);
          // Awaited in its turn; a failure before that is not an unhandled one.
          compressed.catch(() => undefined);
          queue.push(compressed);
        } else {
          yield await queue.shift()!;
        }
      }
    } finally {
      member.passes--;
      reading?.catch(() => undefined);
      if (opened && this.#end === undefined)
        this.#pool.run({ kind: 'close', pass }, member).catch(() => undefined);
    }
  }

  async #compress({ raw, dictionary, end }: RawBlock): Promise<Uint8Array> {
    const { codec } = this.#options.recipe;
    const { byteLength } = raw;
    const data = codec.name === 'none' ? raw : await this.#compressed(raw, dictionary, end !== undefined);
    this.#options.onBlock?.(byteLength, data.byteLength);
    return data;
  }

  async #compressed(raw: Uint8Array, dictionary: Uint8Array, last: boolean): Promise<Uint8Array> {
    const { codec } = this.#options.recipe;
    const job = { kind: 'compress', codec, raw, dictionary, last } as const;
    return (await this.#pool.run(job, undefined, [raw.buffer as ArrayBuffer])).data;
  }
}
