import { NixpushError } from './errors.ts';

/** Mistakes in a document are none of whoever typed the command: ERR_FORMAT, with the place `where`, for what `read` throws. */
export function readAt<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NixpushError)) throw error;
    throw new NixpushError('ERR_FORMAT', `${where}: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
