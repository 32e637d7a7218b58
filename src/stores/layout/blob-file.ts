import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestAlgorithm, digestHex, parseDigest, type Digest } from '../../base/digest.ts';
import { abortError, ioError, NixpushError } from '../../base/errors.ts';
import type { BlobId, BlobSource, StoreOptions } from '../image-store.ts';
import { openRegularFile } from './open-file.ts';
import { writeFileAtomically } from './atomic-file.ts';

/** Bytes read from a blob at a time. */
const CHUNK_BYTES = 256 * 1024;

/** `blobs/<algorithm>/<hex>` in the layout (image-spec, image-layout.md). The digest is checked again: it becomes a path. */
export function blobPath(directory: string, digest: Digest): string {
  const checked = parseDigest(digest, `blob of oci:${directory}`);
  return join(directory, 'blobs', digestAlgorithm(checked), digestHex(checked));
}

/** A blob gets its name only after its content was checked, so a regular file of the right size is it. */
export async function blobExists(directory: string, { digest, size }: BlobId): Promise<boolean> {
  return (await sizeOfBlob(directory, digest)) === size;
}

/** Bytes; undefined if there is no such file. */
export async function sizeOfBlob(directory: string, digest: Digest): Promise<number | undefined> {
  try {
    const stat = await lstat(blobPath(directory, digest));
    return stat.isFile() ? stat.size : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'cannot read', blobPath(directory, digest));
  }
}

/** The iteration throws ERR_INTEGRITY: before the first byte if the size differs, at the end if the digest does. */
export async function* readBlob(
  directory: string,
  blob: BlobId,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const path = blobPath(directory, blob.digest);
  const { handle, size } = await openRegularFile(path);
  try {
    if (size !== blob.size) throw mismatch(blob.digest, path, `has ${size} bytes instead of ${blob.size}`);
    const hash = createHash(digestAlgorithm(blob.digest));
    for (let left = size; left > 0;) {
      if (signal?.aborted === true) throw abortError(signal);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES)));
      if (bytesRead === 0) throw mismatch(blob.digest, path, 'became shorter while it was read');
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      left -= bytesRead;
      yield chunk;
    }
    if (hash.digest('hex') !== digestHex(blob.digest)) {
      throw mismatch(blob.digest, path, 'has other content than its digest says');
    }
  } catch (error) {
    throw ioError(error, 'cannot read', path);
  } finally {
    await handle.close();
  }
}

/**
 * Writes the blob and returns what was written, as counted and hashed here. Its name appears after its content has
 * been checked and has reached the disk. `place` names the layout in messages. Throws ERR_IO, ERR_INTEGRITY if the
 * source promised something else, ERR_ABORTED, and what the source throws.
 */
export async function writeBlob(
  directory: string,
  source: BlobSource,
  place: string,
  { signal, onBytes }: StoreOptions,
): Promise<BlobId> {
  const algorithm = source.id === undefined ? 'sha256' : digestAlgorithm(source.id.digest);
  const hash = createHash(algorithm);
  let size = 0;
  let written: BlobId | undefined;
  await writeFileAtomically(directory, place, async (write) => {
    for await (const chunk of source.open(0, signal)) {
      if (signal?.aborted === true) throw abortError(signal);
      await write(chunk);
      hash.update(chunk);
      size += chunk.byteLength;
      onBytes?.(chunk.byteLength);
    }
    written = { digest: `${algorithm}:${hash.digest('hex')}`, size };
    checkPromise(source, written);
    const path = blobPath(directory, written.digest);
    await mkdir(dirname(path), { recursive: true });
    return path;
  });
  return written!;
}

function checkPromise({ id, what }: BlobSource, { digest, size }: BlobId): void {
  if (id === undefined || (id.digest === digest && id.size === size)) return;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${what} came as ${digest} with ${size} bytes instead of ${id.digest} with ${id.size} bytes`,
    { digest: id.digest },
  );
}

function mismatch(digest: Digest, path: string, wrong: string): NixpushError {
  return new NixpushError('ERR_INTEGRITY', `${path} ${wrong}`, {
    digest,
    path,
    hint: 'The layout is damaged; remove the file and make the image again.',
  });
}
