import { open, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ioError } from '../../base/errors.ts';
import { writeFileAtomically, type Write } from '../layout/atomic-file.ts';

/**
 * Writes an archive: `-` is standard output, a pipe or device is written as it is, and a file appears under its name when
 * all of it is there. Failed system calls are thrown as "cannot write <place>"; what `fill` throws passes unchanged.
 */
export async function writeArchiveFile(
  file: string,
  place: string,
  fill: (write: Write) => Promise<void>,
): Promise<void> {
  if (file === '-') return fill((bytes) => writeToStdout(bytes, place));
  const existing = await stat(file).catch(() => undefined);
  if (existing !== undefined && !existing.isFile()) return writeInPlace(file, place, fill);
  // A link stays a link.
  const target = existing === undefined ? file : await realpath(file);
  return writeFileAtomically(dirname(target), place, async (write) => {
    await fill(write);
    return target;
  });
}

async function writeInPlace(
  file: string,
  place: string,
  fill: (write: Write) => Promise<void>,
): Promise<void> {
  const cannotWrite = (error: unknown): never => {
    throw ioError(error, 'cannot write', place);
  };
  const handle = await open(file, 'w').catch(cannotWrite);
  try {
    await fill((bytes) => handle.writeFile(bytes).catch(cannotWrite));
  } finally {
    await handle.close();
  }
}

/** Resolves when the bytes are out, so that a slow reader slows the writer down. */
async function writeToStdout(bytes: Uint8Array, place: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error) reject(ioError(error, 'cannot write', place));
      else resolve();
    });
  });
}
