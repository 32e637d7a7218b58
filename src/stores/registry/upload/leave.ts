import { abortUpload } from './abort.ts';
import { isSessionGone } from './recover.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/** Gives a session up after `error`. If the registry cannot be reached any more, a later process may still go on with it. */
export async function leaveSession(task: UploadTask, session: UploadSession, error: unknown): Promise<void> {
  const isOver = isSessionGone(error) || (await abortUpload(task, session, task.policy.abortMs));
  if (isOver) await task.file?.forget();
}
