import type { Clock } from './clock.ts';

/** One host's traffic light: when the host asks for a pause, all its workers wait, not only the one that was told. */
export class HostGate {
  readonly #clock: Clock;
  #openAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nobody passes for that long from now; never makes a running pause shorter. */
  hold(milliseconds: number): void {
    this.#openAt = Math.max(this.#openAt, this.#clock.now() + milliseconds);
  }

  /** Waits until the gate is open. Returns for how long, milliseconds. */
  async pass(signal?: AbortSignal): Promise<number> {
    let waited = 0;
    for (let wait = this.#remaining(); wait > 0; wait = this.#remaining()) {
      await this.#clock.sleep(wait, signal);
      waited += wait;
    }
    return waited;
  }

  #remaining(): number {
    return this.#openAt - this.#clock.now();
  }
}
