import { NixpushError } from '../../../base/errors.ts';
import { isTransientStatus } from '../retry.ts';
import type { UploadMode } from './upload-mode.ts';

/** What helps after a failure while bytes were sent. */
export type Remedy =
  /** Ask the registry how far it got and go on from there. */
  | 'recover'
  /** Begin a new session. */
  | 'restart'
  /** The same bytes in smaller bodies. */
  | 'smaller'
  /** This mode will not work here; another may. */
  | 'other-mode'
  | 'give-up';

/** The error classes of research/registry-clients.md, c.4, for a request that carries a blob's bytes. */
export function remedyFor(error: unknown, mode: UploadMode): Remedy {
  if (!(error instanceof NixpushError)) return 'give-up';
  const { code, status } = error;
  if (status === undefined) return code === 'ERR_NETWORK' ? 'recover' : 'give-up';
  if (isTransientStatus(status)) return 'recover';
  if (status === 413) return 'smaller';
  if (status === 405 || status === 411 || status === 501) return 'other-mode';
  if (status === 400 || status === 404) return remedyForRefusal(error, mode);
  if (status === 416) return isLimit(error) ? 'smaller' : 'recover';
  return 'give-up';
}

/** 404 and 400 mean a session that is gone, a repository that does not exist, or a method that is not known. */
function remedyForRefusal(error: NixpushError, mode: UploadMode): Remedy {
  if (mentions(error, 'NAME_')) return 'give-up';
  if (mentions(error, 'BLOB_UPLOAD_', 'DIGEST_INVALID')) return 'restart';
  return error.status === 400 && mode === 'chunk' ? 'recover' : 'other-mode';
}

/** GHCR: "maximum permissible limit of 4.00MiB". */
function isLimit(error: NixpushError): boolean {
  return /limit|too large|exceed/i.test(error.detail ?? '');
}

/** Whether the registry's own words hold one of these error codes (distribution-spec, error codes). */
export function mentions(error: unknown, ...codes: string[]): boolean {
  if (!(error instanceof NixpushError)) return false;
  return codes.some((code) => error.detail?.includes(code) === true);
}
