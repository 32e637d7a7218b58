import { NixpushError } from '../../../base/errors.ts';
import type { BlobId } from '../../image-store.ts';
import { abortUpload } from './abort.ts';
import { sendChunks, type ChunkOptions } from './chunk.ts';
import { commitUpload } from './commit.ts';
import type { UploadMode } from './learned-limits.ts';
import { knownId, putMonolithic } from './monolithic.ts';
import { isSessionGone, recoverOffset } from './recover.ts';
import { remedyFor } from './remedy.ts';
import { SourceFailure } from './source-failure.ts';
import { startUpload } from './start-upload.ts';
import { sendStream } from './stream.ts';
import { UploadPlan } from './upload-plan.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/**
 * The upload state machine (research/registry-clients.md, c.3):
 *
 *     START ─┬─ STREAM ──┬─ COMMIT ── done
 *            ├─ CHUNK  ──┤
 *            └─ MONO ────┴─ done
 *
 * A STREAM or CHUNK that breaks goes through RECOVER and on in CHUNK from the offset that the registry has. Whatever
 * cannot be recovered is cancelled (ABORT) and begun anew, in the same mode or another (RESTART, `UploadPlan`).
 * `spare` is a session that is open already.
 */
export async function uploadBlob(task: UploadTask, spare?: UploadSession): Promise<BlobId> {
  const plan = new UploadPlan(task);
  let session = spare;
  for (;;) {
    session ??= await startUpload(task);
    const mode = plan.modeFor(session);
    try {
      return await useSession(task, session, mode, plan.chunksFor(session));
    } catch (error) {
      if (!isSessionGone(error)) await abortUpload(task, session, task.policy.abortMs);
      if (error instanceof SourceFailure) throw error.cause;
      await plan.next(error, mode);
      session = undefined;
      task.meter.seek(0);
    }
  }
}

async function useSession(
  task: UploadTask,
  session: UploadSession,
  mode: UploadMode,
  chunks: ChunkOptions,
): Promise<BlobId> {
  if (mode === 'mono') {
    const id = certain(await knownId(task), task);
    await putMonolithic(task, session, id);
    return id;
  }
  if (mode === 'chunk') await sendChunks(task, session, 0, chunks);
  else await streamThenChunks(task, session, chunks);
  const id = certain(task.source.id, task);
  await commitUpload(task, session, id);
  return id;
}

async function streamThenChunks(
  task: UploadTask,
  session: UploadSession,
  chunks: ChunkOptions,
): Promise<void> {
  try {
    await sendStream(task, session);
  } catch (error) {
    if (remedyFor(error, 'stream') !== 'recover') throw error;
    const offset = await recoverOffset(task, session, { error, from: 0, attempt: 0 });
    await sendChunks(task, session, offset, chunks);
  }
}

/** A source knows its digest after a whole pass; without it there is nothing to commit under. */
function certain(id: BlobId | undefined, task: UploadTask): BlobId {
  if (id !== undefined) return id;
  throw new SourceFailure(
    new NixpushError('ERR_INTEGRITY', `${task.source.what} ended without a digest of its bytes`),
  );
}
