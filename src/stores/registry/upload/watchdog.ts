/** Barks when a piece handed to the connection is not taken in time. Time spent on making a piece does not count. */
export class Watchdog {
  readonly #milliseconds: number;
  readonly #bark: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number, bark: () => void) {
    this.#milliseconds = milliseconds;
    this.#bark = bark;
  }

  start(): void {
    this.#timer = setTimeout(this.#bark, this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
