import { NixpushError } from '../../base/errors.ts';
import type { BlobId } from '../image-store.ts';
import { withSignal, type Repository } from './repository.ts';
import { UploadSession } from './upload/upload-session.ts';

/**
 * Asks the registry to take a blob over from another of its repositories (distribution-spec, mounting a blob). A
 * registry that cannot or will not may open an upload session instead, which the next upload can use.
 * Whatever goes wrong is a no: mounting saves work, nothing depends on it. Throws only ERR_ABORTED.
 */
export async function mountBlob(
  { client, repository, scopes }: Repository,
  blob: BlobId,
  from: string,
  signal?: AbortSignal,
): Promise<'mounted' | UploadSession | undefined> {
  try {
    const response = await client.request({
      method: 'POST',
      path: `/v2/${repository}/blobs/uploads/?mount=${blob.digest}&from=${encodeURIComponent(from)}`,
      // Without the right to pull from the other repository a token brings 401 or an upload session.
      scopes: [...scopes, { repository: from, actions: ['pull'] }],
      what: `mounting a blob from ${from}`,
      headers: { 'content-length': '0' },
      expect: [201, 202],
      retry: 'never',
      ...withSignal(signal),
    });
    await response.body.dump();
    return response.status === 201 ? 'mounted' : await UploadSession.opened(client, response);
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof NixpushError)) throw error;
    return undefined;
  }
}
