import { NixpushError } from '../../../base/errors.ts';
import type { BlobId } from '../../image-store.ts';
import { sendChunks } from './chunk.ts';
import { commitSource } from './commit.ts';
import { leaveSession } from './leave.ts';
import { recoverOffset } from './recover.ts';
import { remedyFor } from './remedy.ts';
import type { SavedSession } from './saved-session.ts';
import { SourceFailure } from './source-failure.ts';
import type { UploadPlan } from './upload-plan.ts';
import { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/**
 * State RESUME: goes on with the session of an earlier process, from the byte that the registry has. undefined if
 * that cannot be, and the upload has to begin anew; throws only what would end that one too.
 */
export async function resumeUpload(task: UploadTask, plan: UploadPlan): Promise<BlobId | undefined> {
  const earlier = task.file?.earlier;
  if (earlier === undefined) return undefined;
  let session: UploadSession | undefined;
  try {
    session = await UploadSession.saved(task.client, earlier);
    const offset = await offsetOf(task, session, earlier);
    task.file?.acknowledged(session, offset);
    if (offset !== task.source.id?.size)
      await sendChunks(task, session, offset, { ...plan.chunksFor(session), earlier: earlier.checkpoint });
    return await commitSource(task, session);
  } catch (error) {
    if (session !== undefined) await leaveSession(task, session, error);
    task.meter.seek(0);
    if (task.signal?.aborted === true || isFatal(error)) {
      throw error instanceof SourceFailure ? error.cause : error;
    }
    return undefined;
  }
}

async function offsetOf(task: UploadTask, session: UploadSession, earlier: SavedSession): Promise<number> {
  const { host } = task.client;
  return recoverOffset(task, session, {
    error: new NixpushError('ERR_NETWORK', `${host} does not keep the upload of an earlier push`, { host }),
    from: earlier.acknowledged,
    attempt: 0,
    most: task.source.id?.size ?? Number.POSITIVE_INFINITY,
  });
}

/** Bytes that are not those of the earlier process are a reason to send them all. */
function isFatal(error: unknown): boolean {
  if (!(error instanceof SourceFailure)) return remedyFor(error, 'chunk') === 'give-up';
  return !(error.cause instanceof NixpushError && error.cause.code === 'ERR_INTEGRITY');
}
