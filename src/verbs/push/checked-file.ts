import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../../base/digest.ts';
import { ioError, NixpushError } from '../../base/errors.ts';

/** The bytes of a file. Throws ERR_INTEGRITY at their end if they are not those of the digest; ERR_NOT_FOUND, ERR_IO. */
export async function* checkedFile(file: string, digest: Digest): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      hash.update(piece as Buffer);
      yield piece as Buffer;
    }
  } catch (error) {
    throw ioError(error, 'cannot read', file);
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest)
    throw new NixpushError('ERR_INTEGRITY', `${file} has the digest ${found}, not ${digest}`, {
      path: file,
      digest,
    });
}
