import type { BlobId } from '../../image-store.ts';
import { COMMITTED, settled } from './commit.ts';
import { sendBody } from './send-body.ts';
import { SourceFailure } from './source-failure.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/** State MONO: the whole blob in the final PUT (distribution-spec, POST then PUT). */
export async function putMonolithic(task: UploadTask, session: UploadSession, id: BlobId): Promise<void> {
  await settled(task, id, async () =>
    sendBody(task, {
      method: 'PUT',
      url: session.commitLocation(id.digest),
      length: id.size,
      offset: 0,
      open: (signal) => task.source.open(0, signal),
      expect: COMMITTED,
      answerMs: task.policy.commitMs,
    }),
  );
}

/** The blob's digest and size, by making all its bytes once if they are not known yet. Throws SourceFailure. */
export async function knownId(task: UploadTask): Promise<BlobId | undefined> {
  const { source, signal } = task;
  if (source.id !== undefined) return source.id;
  try {
    const pass = source.open(0, signal)[Symbol.asyncIterator]();
    while ((await pass.next()).done !== true);
  } catch (error) {
    throw new SourceFailure(error);
  }
  return source.id;
}
