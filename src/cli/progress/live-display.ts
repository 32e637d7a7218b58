import { LiveLines } from './live-lines.ts';

/** Milliseconds between two frames. */
const FRAME = 100;

export interface Screen {
  /** Columns; no line comes out longer. */
  readonly width: number;
  /** Lines at most. */
  readonly height: number;
}

/** Live lines on a terminal that are drawn again and again until it is stopped. */
export class LiveDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: LiveLines;
  readonly #lines: (screen: Screen, now: number) => readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #clear = (): void => this.#live.clear();

  constructor(stream: NodeJS.WriteStream, lines: (screen: Screen, now: number) => readonly string[]) {
    this.#stream = stream;
    this.#live = new LiveLines(stream);
    this.#lines = lines;
    this.#timer = setInterval(() => this.draw(), FRAME);
    this.#timer.unref();
    // A second Ctrl-C ends the process without asking anybody.
    process.on('exit', this.#clear);
  }

  /** `above` goes over the live lines once, and stays. */
  draw(above: readonly string[] = []): void {
    const { columns, rows } = this.#stream;
    // One column stays free: a full line makes some terminals wrap.
    const screen = { width: (columns || 80) - 1, height: Math.min((rows || 24) - 1, 16) };
    this.#live.draw(this.#lines(screen, performance.now()), above);
  }

  stop(): void {
    clearInterval(this.#timer);
    process.off('exit', this.#clear);
    this.#clear();
  }
}
