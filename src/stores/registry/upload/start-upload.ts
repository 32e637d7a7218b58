import { withSignal } from '../repository.ts';
import { UploadSession } from './upload-session.ts';
import { pushing, type UploadTask } from './upload-task.ts';

/** State START: a new session. ERR_NOT_FOUND and ERR_DENIED say that the repository must be made first. */
export async function startUpload(task: UploadTask): Promise<UploadSession> {
  const response = await task.client.request({
    method: 'POST',
    path: `/v2/${task.repository}/blobs/uploads/`,
    scopes: task.scopes,
    what: pushing(task),
    headers: { 'content-length': '0' },
    expect: [200, 201, 202],
    // A session that was opened in vain goes away by itself.
    retry: 'idempotent',
    headersTimeoutMs: task.policy.stallMs,
    ...withSignal(task.signal),
  });
  await response.body.dump();
  return UploadSession.opened(task.client, response);
}
