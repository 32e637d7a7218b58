import type { Checkpoint } from '../base/checkpoint.ts';
import type { BlobId, BlobSource } from './image-store.ts';

/**
 * One generation for several destinations: the first `open(0)` of each branch takes part in one shared pass over the
 * source, at the speed of the slowest; whoever opens again, or from elsewhere, gets a pass of its own.
 */
export class FanOut {
  readonly #source: BlobSource;
  readonly #branches: Branch[];
  #started = false;

  constructor(source: BlobSource, count: number) {
    this.#source = source;
    this.#branches = Array.from({ length: count }, () => new Branch(this, source));
  }

  /** One for each destination. Each must be released when its destination is done with the blob, used or not. */
  get branches(): readonly Branch[] {
    return this.#branches;
  }

  /** Called by a branch that joins or leaves. The pass begins when no branch may still come. */
  settle(): void {
    if (this.#started || this.#branches.some((branch) => branch.state === 'waiting')) return;
    this.#started = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const joined = (): Branch[] => this.#branches.filter((branch) => branch.state === 'joined');
    if (joined().length === 0) return;
    try {
      for await (const piece of this.#source.open(0)) {
        await Promise.all(joined().map((branch) => branch.give(piece)));
        if (joined().length === 0) return;
      }
      for (const branch of joined()) branch.finish();
    } catch (error) {
      for (const branch of joined()) branch.fail(error);
    }
  }
}

/** A destination's view of the shared blob. */
export class Branch implements BlobSource {
  state: 'waiting' | 'joined' | 'left' = 'waiting';
  readonly #fanOut: FanOut;
  readonly #source: BlobSource;
  /** The piece on offer and the one who waits for it, whichever came first. */
  #offer: { piece: Uint8Array; taken: () => void } | undefined;
  #end: { error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(fanOut: FanOut, source: BlobSource) {
    this.#fanOut = fanOut;
    this.#source = source;
  }

  get id(): BlobId | undefined {
    return this.#source.id;
  }

  get what(): string {
    return this.#source.what;
  }

  get key(): string | undefined {
    return this.#source.key;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#source.checkpoint;
  }

  open(offset: number, signal?: AbortSignal, earlier?: Checkpoint): AsyncIterable<Uint8Array> {
    if (offset === 0 && this.state === 'waiting') return this.#join(signal);
    // An upload of an earlier process goes on in the middle: the others need not wait for it.
    if (this.state === 'waiting') this.release();
    return this.#source.open(offset, signal, earlier);
  }

  release(): void {
    this.state = 'left';
    this.#offer?.taken();
    this.#fanOut.settle();
  }

  /** Resolves when the destination has taken the piece and asks for the next, or has left. */
  async give(piece: Uint8Array): Promise<void> {
    return new Promise((taken) => {
      this.#offer = { piece, taken };
      this.#wake();
    });
  }

  finish(): void {
    this.#end = {};
    this.#wake();
  }

  fail(error: unknown): void {
    this.#end = { error };
    this.#wake();
  }

  async *#join(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
    this.state = 'joined';
    const stop = (): void => {
      this.fail(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
    this.#fanOut.settle();
    try {
      for (;;) {
        while (this.#offer === undefined && this.#end === undefined)
          await new Promise<void>((resolve) => (this.#wake = resolve));
        if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
        if (this.#offer === undefined) return;
        const { piece, taken } = this.#offer;
        yield piece;
        this.#offer = undefined;
        taken();
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      this.release();
    }
  }
}
