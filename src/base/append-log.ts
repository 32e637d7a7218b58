import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Lines that are only ever appended, in one write each: many processes at once and crashes at any moment leave at worst
 * a broken line. So whoever reads it must be able to tell a line that was cut off, and to do without any of them.
 */
export class AppendLog {
  readonly #file: string;
  readonly #maxBytes: number;

  /** Above `maxBytes` the older half of the lines is dropped. */
  constructor(file: string, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  /** Oldest first; a file that cannot be read has none. */
  async lines(): Promise<string[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** Never fails: in a read-only home or on a full disk nothing is kept. */
  async append(line: string): Promise<void> {
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      // The newline in front ends a line that a killed process left unfinished.
      await appendFile(this.#file, `\n${line}\n`);
      await this.#shrink();
    } catch {
      // What was to be kept has to be found out again.
    }
  }

  async #shrink(): Promise<void> {
    if ((await stat(this.#file)).size <= this.#maxBytes) return;
    const lines = await this.lines();
    const temporary = `${this.#file}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${lines.slice(lines.length / 2).join('\n')}\n`);
      await rename(temporary, this.#file);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
