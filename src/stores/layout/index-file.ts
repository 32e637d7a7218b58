import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { ioError, NixpushError } from '../../base/errors.ts';
import { syncDirectory, writeFileAtomically } from './atomic-file.ts';
import { blobPath } from './blob-file.ts';
import { lockPath } from './layout-directory.ts';
import { emptyIndex, encodeIndex, MAX_INDEX_BYTES, parseIndex, type LayoutIndex } from './layout-index.ts';
import { withLock } from './lock.ts';
import { readSmallFile } from './open-file.ts';

export interface IndexChange {
  /** The very same object: nothing changes. */
  readonly index: LayoutIndex;
  /** To be removed once index.json is written. */
  readonly blobs?: readonly Digest[];
}

/** The index.json of a layout, which changes under a lock. */
export class IndexFile {
  readonly #directory: string;
  /** For messages. */
  readonly #place: string;

  constructor(directory: string, place: string) {
    this.#directory = directory;
    this.#place = place;
  }

  async read(): Promise<LayoutIndex> {
    const path = join(this.#directory, 'index.json');
    try {
      return parseIndex(await readSmallFile(path, MAX_INDEX_BYTES), path);
    } catch (error) {
      // So is a layout that another process is about to make, and one to be made by the first push.
      if ((error as NixpushError).code === 'ERR_NOT_FOUND') return emptyIndex();
      throw error;
    }
  }

  /** Throws ERR_IO and what `change` throws. */
  async update(
    change: (index: LayoutIndex) => IndexChange | Promise<IndexChange>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await this.#syncBlobs();
      await withLock(
        lockPath(this.#directory),
        async (lock) => {
          const index = await this.read();
          const { index: changed, blobs = [] } = await change(index);
          if (changed === index) return;
          await writeFileAtomically(this.#directory, this.#place, async (write) => {
            await write(encodeIndex(changed));
            if (await lock.isHeld()) return join(this.#directory, 'index.json');
            throw new NixpushError('ERR_IO', `cannot write ${this.#place}: another process took the lock`, {
              hint: 'Try again.',
            });
          });
          await syncDirectory(this.#directory);
          for (const digest of blobs) await rm(blobPath(this.#directory, digest), { force: true });
        },
        signal,
      );
    } catch (error) {
      throw ioError(error, 'cannot write', this.#place);
    }
  }

  /** The names of all blobs reach the disk before a tag that leads to them. */
  async #syncBlobs(): Promise<void> {
    const blobs = join(this.#directory, 'blobs');
    for (const algorithm of await readdir(blobs)) await syncDirectory(join(blobs, algorithm));
    await syncDirectory(blobs);
  }
}
