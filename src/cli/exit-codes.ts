import { NixpushError, type ErrorCode } from '../base/errors.ts';

/** What the process may end with, as `--help` and docs/cli.md tell it. */
export const EXIT_CODES: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [0, 'done'],
  [1, 'failed: a file, a format, a program that was called, a defect'],
  [2, 'usage: the command or an argument is malformed'],
  [3, 'authentication or permission'],
  [4, 'not found: store path, file, repository, manifest or blob'],
  [5, 'integrity: a digest, hash or size does not match'],
  [6, 'network or registry failure after all retries'],
  [130, 'stopped by SIGINT (Ctrl-C)'],
  [143, 'stopped by SIGTERM'],
];

const BY_ERROR_CODE: Readonly<Record<ErrorCode, number>> = {
  ERR_USAGE: 2,
  ERR_UNAUTHORIZED: 3,
  ERR_DENIED: 3,
  ERR_NOT_FOUND: 4,
  ERR_INTEGRITY: 5,
  ERR_NETWORK: 6,
  ERR_REGISTRY: 6,
  ERR_FORMAT: 1,
  ERR_IO: 1,
  ERR_COMMAND: 1,
  ERR_LIMIT: 1,
  ERR_ABORTED: 130,
};

/** The exit code that tells of `error`; 1 for anything that is not a NixpushError. */
export function exitCodeOf(error: unknown): number {
  return error instanceof NixpushError ? BY_ERROR_CODE[error.code] : 1;
}
