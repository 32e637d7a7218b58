interface Waiting {
  readonly offset: number;
  readonly go: () => void;
}

/** Lets one reader at a time have a stream: first whoever is nearest ahead, so that it goes back as seldom as it can. */
export class Turns {
  readonly #waiting: Waiting[] = [];
  #busy = false;

  /** Resolves when it is the turn of a reader who wants what begins at `offset`. Must be followed by `pass`. */
  async take(offset: number): Promise<void> {
    if (this.#busy) await new Promise<void>((go) => this.#waiting.push({ offset, go }));
    this.#busy = true;
  }

  /** Ends a turn; the stream is at `position` now. */
  pass(position: number): void {
    const next = this.#next(position);
    if (next === undefined) this.#busy = false;
    else next.go();
  }

  #next(position: number): Waiting | undefined {
    const order = this.#waiting.sort((a, b) => a.offset - b.offset);
    const ahead = order.findIndex(({ offset }) => offset >= position);
    return order.splice(Math.max(0, ahead), 1)[0];
  }
}
