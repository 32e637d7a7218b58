import { createHash } from 'node:crypto';
import { digestAlgorithm } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { BlobId } from '../image-store.ts';
import type { RegistryResponse } from './client.ts';
import { repositoryName, withSignal, type Repository } from './repository.ts';

/** Answers in a row that broke off without a byte before the blob is given up. */
const MOST_FRUITLESS = 3;

/**
 * A blob's bytes, with size and digest checked on the way: more than `size` bytes are never handed out, and the end
 * is an error unless everything fits. A connection that breaks is taken up again where it broke.
 * Throws ERR_INTEGRITY, ERR_NOT_FOUND, ERR_NETWORK and what else requests throw.
 */
export async function* getBlob(
  from: Repository,
  blob: BlobId,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash(digestAlgorithm(blob.digest));
  let received = 0;
  for await (const piece of resumedBlob(from, blob, signal)) {
    received += piece.byteLength;
    if (received > blob.size) throw integrityError(from, blob, `is longer than its ${blob.size} bytes`);
    hash.update(piece);
    yield piece;
  }
  if (received < blob.size) throw integrityError(from, blob, `ends after ${received} of ${blob.size} bytes`);
  const actual = `${digestAlgorithm(blob.digest)}:${hash.digest('hex')}`;
  if (actual !== blob.digest) throw integrityError(from, blob, `has the digest ${actual}`);
}

async function* resumedBlob(
  from: Repository,
  blob: BlobId,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  let offset = 0;
  for (let fruitless = 0; ; fruitless += 1) {
    const response = await requestBlob(from, blob, offset, signal);
    let toSkip = offset - startOf(response);
    try {
      for await (const piece of response.body) {
        const fresh = piece.subarray(toSkip);
        toSkip = Math.max(0, toSkip - piece.byteLength);
        if (fresh.byteLength === 0) continue;
        offset += fresh.byteLength;
        fruitless = 0;
        yield fresh;
      }
      return;
    } catch (error) {
      const isBroken = error instanceof NixpushError && error.code === 'ERR_NETWORK';
      if (!isBroken || fruitless >= MOST_FRUITLESS) throw error;
    }
  }
}

async function requestBlob(
  { client, repository, scopes }: Repository,
  blob: BlobId,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<RegistryResponse> {
  return client.request({
    method: 'GET',
    path: `/v2/${repository}/blobs/${blob.digest}`,
    scopes,
    what: 'reading a blob',
    headers: {
      // The digest is of the bytes as they are stored; a server must not compress them once more.
      'accept-encoding': 'identity',
      ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
    },
    expect: offset === 0 ? [200] : [200, 206],
    retry: 'idempotent',
    followRedirects: true,
    ...withSignal(signal),
  });
}

/** Servers may ignore the Range and send all of it. */
function startOf({ status, headers }: RegistryResponse): number {
  if (status !== 206) return 0;
  return Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
}

function integrityError(from: Repository, blob: BlobId, wrong: string): NixpushError {
  const { client, repository } = from;
  return new NixpushError('ERR_INTEGRITY', `${repositoryName(from)}: the blob ${blob.digest} ${wrong}`, {
    host: client.host,
    repository,
    digest: blob.digest,
  });
}
