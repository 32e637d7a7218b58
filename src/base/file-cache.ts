import { createHash, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Texts by key, one small file each, in a directory of their own. For what can be found out again: an entry that is
 * lost or cannot be written costs time only. Files appear whole or not at all, so many processes may share the directory. Calls
 * are synchronous: a small file is read sooner than a thread is asked to.
 */
export class FileCache {
  readonly #directory: string;
  readonly #most: number;

  /** Of more than `most` entries those used last are kept. */
  constructor(directory: string, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /** undefined if there is none that could be read. Whoever uses the text must check it. */
  read(key: string): string | undefined {
    return this.readBytes(key)?.toString();
  }

  readBytes(key: string): Buffer | undefined {
    const file = this.#file(key);
    try {
      const bytes = readFileSync(file);
      const now = new Date();
      utimesSync(file, now, now);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** Never fails: on a full disk or in a read-only home nothing is kept. */
  write(key: string, content: string | Uint8Array): void {
    const temporary = join(this.#directory, `.${randomUUID()}`);
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(temporary, content);
      renameSync(temporary, this.#file(key));
      this.#shrink();
    } catch {
      removeQuietly(temporary);
    }
  }

  #file(key: string): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'));
  }

  #shrink(): void {
    const names = readdirSync(this.#directory);
    if (names.length <= this.#most) return;
    const files = names.map((name) => {
      const file = join(this.#directory, name);
      // Another process may have removed it meanwhile.
      return { file, time: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
    });
    files.sort((a, b) => b.time - a.time);
    for (const { file } of files.slice(this.#most)) removeQuietly(file);
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It is not there, or not ours.
  }
}
