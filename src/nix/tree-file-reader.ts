import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ioError, NixpushError } from '../base/errors.ts';
import type { TreeLocation } from './closure.ts';
import { displayName } from './directory-tree.ts';
import { locate } from './tree-location.ts';
import type { TreeFile } from './tree.ts';

/** Reads one file of a store path, synchronously, as walkTree saw it. Must be closed. */
export class TreeFileReader {
  readonly #path: Buffer;
  readonly #size: number;
  readonly #fd: number;

  /** Throws ERR_NOT_FOUND, ERR_IO, and ERR_INTEGRITY if the file is not the size it was. */
  constructor(location: TreeLocation, storePath: string, file: TreeFile) {
    const root = Buffer.from(locate(location, storePath));
    this.#path = file.name.length === 0 ? root : Buffer.concat([root, Buffer.from('/'), file.name]);
    this.#size = file.size;
    this.#fd = this.#attempt(() => openSync(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW));
    try {
      if (this.#attempt(() => fstatSync(this.#fd)).size !== file.size) throw this.#changed();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Fills `target` with the bytes from `position` on, all of them within the file. Throws ERR_INTEGRITY, ERR_IO. */
  read(position: number, target: Uint8Array): void {
    if (position + target.length > this.#size) throw new RangeError('read beyond the end of the file');
    for (let filled = 0; filled < target.length;) {
      const count = this.#attempt(() =>
        readSync(this.#fd, target, filled, target.length - filled, position + filled),
      );
      if (count === 0) throw this.#changed();
      filled += count;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw ioError(error, 'cannot read', displayName(this.#path));
    }
  }

  #changed(): NixpushError {
    const path = displayName(this.#path);
    return new NixpushError('ERR_INTEGRITY', `cannot read ${path}: it changed while it was read`, {
      path,
      hint: 'Check the store with `nix-store --verify --check-contents`.',
    });
  }
}
