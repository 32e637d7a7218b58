/** The part of a terminal stream that drawing needs. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_TO_LINE_END = '\u001B[K';
const CLEAR_TO_SCREEN_END = '\u001B[J';

/**
 * Lines at the bottom of a terminal that are drawn over and over. Each frame is one write, and lines are overwritten
 * rather than erased first, so nothing flickers.
 */
export class LiveLines {
  readonly #terminal: Terminal;
  #shown: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** `above` goes over the live lines once, and stays. */
  draw(lines: readonly string[], above: readonly string[] = []): void {
    if (lines.length === 0 && above.length === 0 && this.#shown.length === 0) return;
    const hide = this.#shown.length === 0 && lines.length > 0 ? HIDE_CURSOR : '';
    const frame = [...above, ...lines].map((line) => `${line}${CLEAR_TO_LINE_END}\n`).join('');
    this.#terminal.write(`${hide}${this.#toTop()}${frame}${CLEAR_TO_SCREEN_END}`);
    this.#shown = lines;
  }

  /** Takes the live lines away and gives the cursor back. */
  clear(): void {
    if (this.#shown.length === 0) return;
    this.#terminal.write(`${this.#toTop()}${CLEAR_TO_SCREEN_END}${SHOW_CURSOR}`);
    this.#shown = [];
  }

  /** A terminal made narrower since has wrapped the lines it shows: they take more rows than were written. */
  #toTop(): string {
    const columns = this.#terminal.columns ?? Number.POSITIVE_INFINITY;
    const rows = this.#shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    return rows === 0 ? '' : `\r\u001B[${rows}A`;
  }
}
