import { isDigest, digestAlgorithm, type Digest } from '../../../base/digest.ts';
import { NixpushError } from '../../../base/errors.ts';
import type { BlobId } from '../../image-store.ts';
import { hasBlob } from '../blob-exists.ts';
import type { RegistryResponse } from '../client.ts';
import { withSignal } from '../repository.ts';
import { SourceFailure } from './source-failure.ts';
import type { UploadSession } from './upload-session.ts';
import { pushing, type UploadTask } from './upload-task.ts';

/** What registries answer to a blob that is stored; 201 is what the distribution-spec says. */
export const COMMITTED: readonly number[] = [200, 201, 202, 204];

/** A token that dies while the registry copies the blob would lose it. */
const TOKEN_MARGIN_MS = 60_000;

/** Commits what the source has given: after a whole pass it knows what that was. */
export async function commitSource(task: UploadTask, session: UploadSession): Promise<BlobId> {
  const id = certain(task.source.id, task);
  await commitUpload(task, session, id);
  return id;
}

/** A source knows its digest after a whole pass; without it there is nothing to commit under. */
export function certain(id: BlobId | undefined, task: UploadTask): BlobId {
  if (id !== undefined) return id;
  throw new SourceFailure(
    new NixpushError('ERR_INTEGRITY', `${task.source.what} ended without a digest of its bytes`),
  );
}

/** State COMMIT: the empty final PUT that turns the session into the blob `id`. */
async function commitUpload(task: UploadTask, session: UploadSession, id: BlobId): Promise<void> {
  await task.client.refreshToken(task.scopes, TOKEN_MARGIN_MS, task.signal);
  await settled(task, id, async () =>
    task.client.request({
      method: 'PUT',
      path: session.commitLocation(id.digest),
      scopes: task.scopes,
      what: pushing(task),
      headers: { 'content-length': '0' },
      expect: COMMITTED,
      // Done twice it fails with 404, and then the blob is there.
      retry: 'idempotent',
      headersTimeoutMs: task.policy.commitMs,
      ...withSignal(task.signal),
    }),
  );
}

/** Sends a final PUT. When it fails, the blob may be there all the same: the answer can get lost. */
export async function settled(
  task: UploadTask,
  id: BlobId,
  put: () => Promise<RegistryResponse>,
): Promise<void> {
  let response: RegistryResponse;
  try {
    response = await put();
  } catch (error) {
    if (mayBeThere(error) && (await hasBlob(task, id, task.signal))) return;
    throw error;
  }
  await response.body.dump();
  checkDigest(task, id.digest, response.headers['docker-content-digest']);
}

function mayBeThere(error: unknown): boolean {
  if (!(error instanceof NixpushError)) return false;
  return error.code === 'ERR_NETWORK' || (error.status !== undefined && error.status !== 403);
}

/** Registries that send no digest, or one of another kind, have still checked the one in the query. */
function checkDigest(task: UploadTask, expected: Digest, header: string | undefined): void {
  if (!isDigest(header) || digestAlgorithm(header) !== digestAlgorithm(expected) || header === expected)
    return;
  const { host } = task.client;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${host} stored ${task.source.what} as ${header}, not as ${expected}`,
    {
      host,
      repository: task.repository,
      digest: expected,
      hint: 'The registry, or something before it, changes what is sent. Nothing was tagged.',
    },
  );
}
