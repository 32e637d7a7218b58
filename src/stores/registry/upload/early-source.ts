import type { Checkpoint } from '../../../base/checkpoint.ts';
import { SourceView } from '../../source-view.ts';

interface EarlyPass {
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly first: Promise<IteratorResult<Uint8Array>>;
  readonly stopper: AbortController;
}

/** A source that can begin to get its first piece before anybody takes it: while the registry opens the session. */
export class EarlySource extends SourceView {
  #early: EarlyPass | undefined;

  /** The next `open(0)` goes on with what this begins. */
  begin(): void {
    const stopper = new AbortController();
    const pieces = this.source.open(0, stopper.signal)[Symbol.asyncIterator]();
    const first = pieces.next();
    // Whoever takes it gets to see what is wrong.
    first.catch(() => undefined);
    this.#early = { pieces, first, stopper };
  }

  open(offset: number, signal?: AbortSignal, earlier?: Checkpoint): AsyncIterable<Uint8Array> {
    const early = this.#early;
    if (offset !== 0 || early === undefined) return this.source.open(offset, signal, earlier);
    this.#early = undefined;
    return goOn(early, signal);
  }

  /** Nobody took what was begun. */
  drop(): void {
    if (this.#early !== undefined) stop(this.#early, undefined);
    this.#early = undefined;
  }
}

async function* goOn(early: EarlyPass, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const onAbort = (): void => stop(early, signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  try {
    for (let next = early.first; ; next = early.pieces.next()) {
      const { done, value } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await early.pieces.return?.();
  }
}

function stop({ pieces, stopper }: EarlyPass, reason: unknown): void {
  stopper.abort(reason);
  // Waits for a piece that is under way; nobody need wait for that.
  pieces.return?.().catch(() => undefined);
}
