import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ioError, NixpushError } from '../../base/errors.ts';

/**
 * Opens a regular file of a layout for reading. A layout may come from anybody: a symbolic link in it could lead to
 * a file outside (GHSA-fxhp-mv3v-67qp), and opening a FIFO would wait for ever, hence NOFOLLOW and NONBLOCK.
 * Throws ERR_NOT_FOUND, ERR_FORMAT, ERR_IO.
 */
export async function openRegularFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw notRegular(path);
    throw ioError(error, 'cannot read', path);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw notRegular(path);
    return { handle, size: stat.size };
  } catch (error) {
    await handle.close();
    throw ioError(error, 'cannot read', path);
  }
}

/** The whole of a small file. Throws like `openRegularFile`, and ERR_FORMAT if it has more than `limit` bytes. */
export async function readSmallFile(path: string, limit: number): Promise<Buffer> {
  const { handle, size } = await openRegularFile(path);
  try {
    if (size > limit) throw new NixpushError('ERR_FORMAT', `${path} is larger than ${limit} bytes`, { path });
    return await handle.readFile();
  } catch (error) {
    throw ioError(error, 'cannot read', path);
  } finally {
    await handle.close();
  }
}

function notRegular(path: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${path} is not a regular file`, {
    path,
    hint: 'An image layout holds its blobs as plain files; copy them there instead of linking them.',
  });
}
