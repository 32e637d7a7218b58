const WINDOW = 5000;
/** Shorter spans give rates that jump. */
const SHORTEST = 500;

/** Bytes per second over the last five seconds. Times are in milliseconds of one clock. */
export class Rate {
  readonly #samples: { time: number; bytes: number }[] = [];
  readonly #startedAt: number;

  constructor(now: number) {
    this.#startedAt = now;
  }

  add(bytes: number, now: number): void {
    const last = this.#samples.at(-1);
    // Samples near each other are one: the list stays short however fast bytes come.
    if (last !== undefined && now - last.time < 100) last.bytes += bytes;
    else this.#samples.push({ time: now, bytes });
  }

  /** undefined as long as there is nothing to tell from. */
  perSecond(now: number): number | undefined {
    while (this.#samples[0] !== undefined && this.#samples[0].time < now - WINDOW) this.#samples.shift();
    const span = Math.min(WINDOW, now - this.#startedAt);
    if (span < SHORTEST || this.#samples.length === 0) return undefined;
    return (this.#samples.reduce((sum, { bytes }) => sum + bytes, 0) * 1000) / span;
  }
}
