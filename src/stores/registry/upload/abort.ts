import { NixpushError } from '../../../base/errors.ts';
import type { Repository } from '../repository.ts';
import type { UploadSession } from './upload-session.ts';

/**
 * State ABORT: cancels a session, as a courtesy to the registry. False if the registry was not reached, so that the
 * session may still be there. Never throws, never takes long.
 */
export async function abortUpload(
  { client, scopes }: Repository,
  session: UploadSession,
  milliseconds: number,
): Promise<boolean> {
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
    return true;
  } catch (error) {
    // The registry forgets the session by itself.
    return error instanceof NixpushError && error.status !== undefined;
  }
}
