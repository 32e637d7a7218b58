/**
 * Every error that nixpush raises on purpose. One class, told apart by `code`; the command line prints it
 * in one place (`cli/print-error.ts`) and turns the code into the exit code.
 */
export type ErrorCode =
  /** The command or an argument is malformed. Exit code 2. */
  | 'ERR_USAGE'
  /** The registry wants credentials, or refuses the ones it got (401). Exit code 3. */
  | 'ERR_UNAUTHORIZED'
  /** The credentials are good but may not do this (403). Exit code 3. */
  | 'ERR_DENIED'
  /** A store path, file, repository, manifest or blob does not exist. Exit code 4. */
  | 'ERR_NOT_FOUND'
  /** A digest, hash or size does not match what was promised. Exit code 5. */
  | 'ERR_INTEGRITY'
  /** No answer from the other side after all retries: connection, name look-up, time-out. Exit code 6. */
  | 'ERR_NETWORK'
  /** The registry answered, but with an error or outside the protocol, after all retries. Exit code 6. */
  | 'ERR_REGISTRY'
  /** What was read has the wrong form: closure file, manifest, config, layout. Exit code 1. */
  | 'ERR_FORMAT'
  /** A local file system operation failed: disk full, permission. Exit code 1. */
  | 'ERR_IO'
  /** A program that nixpush called (nix, a credential helper) failed. Exit code 1. */
  | 'ERR_COMMAND'
  /** It would have gone beyond a bound that the caller set, so nothing was done. Exit code 1. */
  | 'ERR_LIMIT'
  /** Stopped by the caller's AbortSignal. Exit code 130 or 143. */
  | 'ERR_ABORTED';

/** Where it happened and what to do about it. Nothing here may hold a secret or a signed URL query. */
export interface ErrorContext {
  /** What to do next, a full sentence. */
  hint?: string;
  /** Registry, as `host[:port]`. */
  host?: string;
  repository?: string;
  digest?: string;
  /** Store path or file. */
  path?: string;
  /** HTTP status of the answer that led here. */
  status?: number;
  /** What the server said, already made safe for a terminal. */
  detail?: string;
  cause?: unknown;
}

/** `message` says what was being done and why it failed, in one line without a full stop. */
export class NixpushError extends Error {
  override readonly name = 'NixpushError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly host: string | undefined;
  readonly repository: string | undefined;
  readonly digest: string | undefined;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined);
    this.code = code;
    this.hint = context.hint;
    this.host = context.host;
    this.repository = context.repository;
    this.digest = context.digest;
    this.path = context.path;
    this.status = context.status;
    this.detail = context.detail;
  }
}

export function usageError(message: string, hint?: string): NixpushError {
  return new NixpushError('ERR_USAGE', message, hint === undefined ? {} : { hint });
}

const IO_REASONS: Record<string, string> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  EIO: 'input/output error',
  EPIPE: 'the reader went away',
};

/** A failed system call on `path` as an error of ours. `doing` reads like "cannot read". Errors of ours pass unchanged. */
export function ioError(error: unknown, doing: string, path: string): NixpushError {
  if (error instanceof NixpushError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? '';
  const reason = IO_REASONS[errno] ?? (error as Error).message;
  const code = errno === 'ENOENT' ? 'ERR_NOT_FOUND' : 'ERR_IO';
  return new NixpushError(code, `${doing} ${path}: ${reason}`, { path, cause: error });
}

/** The reason of an aborted signal as an error of ours. */
export function abortError(signal: AbortSignal): NixpushError {
  const { reason } = signal as { reason: unknown };
  if (reason instanceof NixpushError) return reason;
  return new NixpushError('ERR_ABORTED', 'stopped', { cause: reason });
}
