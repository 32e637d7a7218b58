import type { BlobId } from '../../image-store.ts';
import { sendChunks, type ChunkOptions } from './chunk.ts';
import { certain, commitSource } from './commit.ts';
import { EarlySource } from './early-source.ts';
import { leaveSession } from './leave.ts';
import { knownId, putMonolithic } from './monolithic.ts';
import { recoverOffset } from './recover.ts';
import { remedyFor } from './remedy.ts';
import { resumeUpload } from './resume.ts';
import { SourceFailure } from './source-failure.ts';
import { startUpload } from './start-upload.ts';
import { sendStream } from './stream.ts';
import type { UploadMode } from './upload-mode.ts';
import { UploadPlan } from './upload-plan.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/**
 * The upload state machine (research/registry-clients.md, c.3; a picture of it is in docs/uploads.md):
 *
 *     RESUME ─── CHUNK ──────┐
 *     START ─┬─ STREAM ──────┼─ COMMIT ── done
 *            ├─ CHUNK  ──────┘
 *            └─ MONOLITHIC ── done
 *
 * A STREAM or CHUNK that breaks goes through RECOVER and on in CHUNK from the offset that the registry has. Whatever
 * cannot be recovered is cancelled (ABORT) and begun anew, in the same mode or another (RESTART, `UploadPlan`).
 * RESUME goes on with what an earlier process left. `spare` gives a session that is open already.
 */
export async function uploadBlob(task: UploadTask, spare: () => UploadSession | undefined): Promise<BlobId> {
  const plan = new UploadPlan(task);
  const resumed = await resumeUpload(task, plan);
  if (resumed !== undefined) return resumed;
  const source = new EarlySource(task.source);
  try {
    return await uploadAnew({ ...task, source }, plan, spare() ?? (await startEarly(task, source)));
  } finally {
    source.drop();
  }
}

/** Where the digest is known nothing is in the way of the first bytes but the session. */
async function startEarly(task: UploadTask, source: EarlySource): Promise<UploadSession> {
  if (source.id !== undefined) source.begin();
  return startUpload(task);
}

async function uploadAnew(task: UploadTask, plan: UploadPlan, first: UploadSession): Promise<BlobId> {
  let session: UploadSession | undefined = first;
  for (;;) {
    session ??= await startUpload(task);
    const mode = plan.modeFor(session);
    try {
      const id = await useSession(task, session, mode, plan.chunksFor(session));
      plan.succeeded(mode);
      return id;
    } catch (error) {
      await leaveSession(task, session, error);
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
  if (mode === 'monolithic') {
    const id = certain(await knownId(task), task);
    await putMonolithic(task, session, id);
    return id;
  }
  task.file?.acknowledged(session, 0);
  if (mode === 'chunk') await sendChunks(task, session, 0, chunks);
  else await streamThenChunks(task, session, chunks);
  return commitSource(task, session);
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
