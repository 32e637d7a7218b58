import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ioError, NixpushError } from '../../base/errors.ts';
import type { LayerBytes } from './layer-bytes.ts';

/** A tar that lies on the disk, as it is. */
export class TarFile implements LayerBytes {
  readonly #file: string;
  readonly #size: number;
  #fd: number | undefined;
  #position = 0;

  /** Throws ERR_NOT_FOUND, ERR_IO. */
  constructor(file: string) {
    this.#file = file;
    this.#fd = this.#attempt(() => openSync(file, 'r'));
    this.#size = this.#attempt(() => fstatSync(this.#fd!).size);
  }

  get ended(): boolean {
    return this.#position === this.#size;
  }

  /** Throws ERR_INTEGRITY if the file became shorter. */
  read(into: Uint8Array): number {
    const length = Math.min(into.byteLength, this.#size - this.#position);
    for (let filled = 0; filled < length;) {
      const count = this.#attempt(() =>
        readSync(this.#fd!, into, filled, length - filled, this.#position + filled),
      );
      if (count === 0)
        throw new NixpushError('ERR_INTEGRITY', `cannot read ${this.#file}: it changed while it was read`, {
          path: this.#file,
        });
      filled += count;
    }
    this.#position += length;
    return length;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw ioError(error, 'cannot read', this.#file);
    }
  }
}
