import { abortError, NixpushError } from '../../base/errors.ts';
import type { BlobId } from '../image-store.ts';
import { withSignal, type Repository } from './repository.ts';

/**
 * HEAD of a blob. Whatever is not a plain yes is no: public ECR answers 401 to everybody, others do not know HEAD, and a
 * blob of another size is not the one. Throws only ERR_ABORTED and ERR_NETWORK.
 */
export async function hasBlob(
  { client, repository, scopes }: Repository,
  blob: BlobId,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const { status, headers, body } = await client.request({
      method: 'HEAD',
      path: `/v2/${repository}/blobs/${blob.digest}`,
      scopes,
      what: 'looking for a blob',
      expect: [200, 404],
      retry: 'idempotent',
      followRedirects: true,
      ...withSignal(signal),
    });
    await body.dump();
    const size = headers['content-length'];
    const digest = headers['docker-content-digest'];
    return (
      status === 200 &&
      (size === undefined || Number(size) === blob.size) &&
      (digest === undefined || digest === blob.digest)
    );
  } catch (error) {
    if (signal?.aborted === true) throw abortError(signal);
    if (error instanceof NixpushError && error.status !== undefined) return false;
    throw error;
  }
}
