import type { Checkpoint } from '../base/checkpoint.ts';
import { NixpushError } from '../base/errors.ts';
import type { BlobSource } from './image-store.ts';
import { SourceView } from './source-view.ts';

/** How far a branch may lag behind another before the shared pass goes on without it. Bytes. */
const WINDOW = 4 * 2 ** 20;

/**
 * One generation for several destinations: the first `open(0)` of each branch takes part in one shared pass over the
 * source. The pass goes on when somebody has taken all of it and wants more, so at the speed of the fastest. Whoever
 * lags behind (or has not even opened yet) is kept what it has not taken; once that is more than a window, it falls out
 * of the pass and goes on with a pass of its own from there, as do those who open again or from elsewhere.
 */
export class FanOut {
  /** Let go of when the shared pass can need it no more: it may hold the bytes. */
  #source: BlobSource | undefined;
  readonly #branches: Branch[];
  #isRunning = false;
  #wake: () => void = () => undefined;

  /** `again` gives the same bytes to those that need a pass of their own. */
  constructor(source: BlobSource, count: number, again: BlobSource = source) {
    this.#source = source;
    const onChange = (): void => this.#changed();
    this.#branches = Array.from({ length: count }, () => new Branch(again, onChange));
  }

  /** One for each destination. Each must be released when its destination is done with the blob, used or not. */
  get branches(): readonly Branch[] {
    return this.#branches;
  }

  #changed(): void {
    if (this.#isRunning) this.#wake();
    else if (this.#source !== undefined && this.#branches.some(({ isHungry }) => isHungry)) {
      this.#isRunning = true;
      void this.#run(this.#source);
    }
    if (!this.#branches.some(({ takesPart }) => takesPart)) this.#source = undefined;
  }

  async #run(source: BlobSource): Promise<void> {
    const takers = (): Branch[] => this.#branches.filter(({ takesPart }) => takesPart);
    try {
      for await (const piece of source.open(0)) {
        // A branch alone has taken it when the next one is asked for; among others some may have to keep it.
        const kept = this.#branches.length === 1 ? piece : Buffer.from(piece);
        for (const branch of takers()) branch.give(kept);
        while (takers().length > 0 && !takers().some(({ isHungry }) => isHungry))
          await new Promise<void>((resolve) => (this.#wake = resolve));
        for (const branch of takers()) if (branch.lag > WINDOW) branch.fallOut();
        if (takers().length === 0) return;
      }
      for (const branch of takers()) branch.finish();
    } catch (error) {
      for (const branch of takers()) branch.fail(error);
    }
  }
}

/** How the shared pass ended for a branch. */
type End = 'left' | 'behind' | 'complete' | { readonly error: unknown };

/** A destination's view of the shared blob. */
export class Branch extends SourceView {
  readonly #onChange: () => void;
  /** Of the shared pass: given and not yet taken. */
  #pieces: Uint8Array[] = [];
  #lag = 0;
  #end: End | undefined;
  #hasOpened = false;
  #isWaiting = false;
  #wake: () => void = () => undefined;

  constructor(source: BlobSource, onChange: () => void) {
    super(source);
    this.#onChange = onChange;
  }

  /** In the shared pass, or may still come to it. */
  get takesPart(): boolean {
    return this.#end === undefined;
  }

  /** Has taken all that the shared pass gave and waits for more. */
  get isHungry(): boolean {
    return this.takesPart && this.#isWaiting;
  }

  /** Bytes given and not yet taken. */
  get lag(): number {
    return this.#lag;
  }

  open(offset: number, signal?: AbortSignal, earlier?: Checkpoint): AsyncIterable<Uint8Array> {
    const mayJoin = offset === 0 && !this.#hasOpened && this.#end !== 'left' && this.#end !== 'behind';
    if (mayJoin) {
      this.#hasOpened = true;
      return this.#takePart(signal);
    }
    // An upload of an earlier process goes on in the middle, without what was kept for it.
    this.release();
    return this.source.open(offset, signal, earlier);
  }

  /** Takes no (more) part in the shared pass. */
  release(): void {
    this.#pieces = [];
    this.#stop('left');
  }

  give(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#lag += piece.byteLength;
    this.#isWaiting = false;
    this.#wake();
  }

  /** What was given may still be taken; the rest comes from a pass of its own. */
  fallOut(): void {
    // Who has not opened yet can as well begin with that pass.
    if (!this.#hasOpened) this.#pieces = [];
    this.#stop('behind');
  }

  finish(): void {
    this.#stop('complete');
  }

  fail(error: unknown): void {
    this.#pieces = [];
    this.#stop({ error });
  }

  #stop(end: End): void {
    this.#end = end;
    this.#isWaiting = false;
    this.#wake();
    this.#onChange();
  }

  async *#takePart(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
    const onAbort = (): void => this.fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    let taken = 0;
    try {
      for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) {
        taken += piece.byteLength;
        yield piece;
      }
      if (this.#end === 'behind') yield* this.source.open(taken, signal);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.release();
    }
  }

  /** undefined if the shared pass has no more for this branch. */
  async #next(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && this.takesPart) {
      this.#isWaiting = true;
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      this.#onChange();
      await woken;
    }
    if (typeof this.#end === 'object') throw this.#end.error;
    // Whoever still reads after leaving must not take that for the end of the bytes.
    if (this.#end === 'left') throw new NixpushError('ERR_ABORTED', `${this.what} is no longer wanted`);
    const piece = this.#pieces.shift();
    this.#lag -= piece?.byteLength ?? 0;
    return piece;
  }
}
