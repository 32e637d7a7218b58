import { sendBody } from './send-body.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/** What registries answer to a PATCH that they took: ECR 201, GCR 204. */
export const PATCH_TAKEN: readonly number[] = [200, 201, 202, 204];

/**
 * State STREAM: everything in one PATCH without Content-Range. The distribution-spec does not have it, yet it is what
 * docker, skopeo and crane do, and so the way most registries take a blob of any size.
 */
export async function sendStream(task: UploadTask, session: UploadSession): Promise<void> {
  const response = await sendBody(task, {
    method: 'PATCH',
    url: session.location,
    length: task.source.id?.size,
    offset: 0,
    open: (signal) => noted(task, signal),
    expect: PATCH_TAKEN,
  });
  await session.follow(response);
  task.file?.acknowledged(session, task.meter.position);
}

async function* noted(task: UploadTask, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of task.source.open(0, signal)) {
    task.file?.goingOn();
    yield piece;
  }
}
