import type { Repository } from '../repository.ts';
import type { UploadSession } from './upload-session.ts';

/** State ABORT: cancels a session, as a courtesy to the registry. Never throws, never takes long. */
export async function abortUpload(
  { client, scopes }: Repository,
  session: UploadSession,
  milliseconds: number,
): Promise<void> {
  try {
    const response = await client.request({
      method: 'DELETE',
      path: session.location,
      scopes,
      what: 'cancelling an upload',
      expect: [200, 202, 204],
      retry: 'never',
      // Not the caller's: that one has often fired.
      signal: AbortSignal.timeout(milliseconds),
    });
    await response.body.dump();
  } catch {
    // The registry forgets the session by itself.
  }
}
