import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ioError } from '../../base/errors.ts';

/** Begins the name of every file that nixpush keeps in a layout for itself. */
export const OWN_PREFIX = '.nixpush-';
const SUFFIX = '.tmp';

/** A temporary file into which nothing was written for so long belongs to a process that was killed. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** Writes all of a chunk. */
export type Write = (chunk: Uint8Array) => Promise<void>;

/**
 * Gives `fill` a new file in `directory`, and moves it to the path that `fill` returns, all at once and after its
 * content has reached the disk. If anything fails, the file is removed. Failed system calls are thrown as
 * "cannot write <place>"; what `fill` throws passes unchanged.
 */
export async function writeFileAtomically(
  directory: string,
  place: string,
  fill: (write: Write) => Promise<string>,
): Promise<void> {
  const cannotWrite = (error: unknown): never => {
    throw ioError(error, 'cannot write', place);
  };
  const temporary = join(directory, `${OWN_PREFIX}${randomBytes(9).toString('base64url')}${SUFFIX}`);
  const handle = await open(temporary, 'wx').catch(cannotWrite);
  try {
    let target: string;
    try {
      // FileHandle.writeFile writes on from the current position, and all of it, where write may stop short.
      target = await fill((chunk) => handle.writeFile(chunk).catch(cannotWrite));
      await handle.sync().catch(cannotWrite);
    } finally {
      await handle.close().catch(cannotWrite);
    }
    await rename(temporary, target).catch(cannotWrite);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes renames in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what killed processes left behind. */
export async function removeAbandonedFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(OWN_PREFIX) || !name.endsWith(SUFFIX)) continue;
    const path = join(directory, name);
    // Another process may finish or remove its file at any time.
    const written = await stat(path).catch(() => undefined);
    if (written !== undefined && Date.now() - written.mtimeMs > ABANDONED_AFTER_MS)
      await rm(path, { force: true });
  }
}
