import { isDigest, type Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import { decodeNix32, nix32Length } from './nix32.ts';

const SHA256_BYTES = 32;

/**
 * Every notation in which Nix has written the SHA-256 of a NAR:
 *
 * - `sha256:<52 nix32 digits>`: narinfo, exportReferencesGraph, path-info up to 2.3;
 * - `sha256:<64 hex digits>`: `nix-store --dump-db`;
 * - `sha256-<base64>` (SRI): `nix path-info --json` since 2.4;
 * - `{"algorithm": "sha256", "format": "base16", "hash": "<64 hex digits>"}`: `--json-format 2` of Nix 2.33 and later.
 *
 * Throws ERR_FORMAT, naming `what` carried it.
 */
export function parseNarHash(value: unknown, what: string): Digest {
  const bytes = typeof value === 'string' ? fromText(value) : fromObject(value);
  if (bytes?.length !== SHA256_BYTES) {
    throw new NixpushError(
      'ERR_FORMAT',
      `${what}: ${JSON.stringify(value) ?? 'nothing'} is not a SHA-256 hash in a notation of Nix`,
    );
  }
  return `sha256:${Buffer.from(bytes).toString('hex')}`;
}

function fromText(text: string): Uint8Array | undefined {
  const match = /^sha256([:-])(.*)$/s.exec(text);
  if (match === null) return undefined;
  const [, separator, digits] = match as unknown as [string, string, string];
  return separator === '-' ? fromBase64(digits) : (fromHex(digits) ?? fromNix32(digits));
}

function fromObject(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { algorithm, format, hash } = value as Record<string, unknown>;
  if (algorithm !== 'sha256' || typeof hash !== 'string') return undefined;
  switch (format) {
    case 'base16':
      return fromHex(hash);
    case 'base64':
      return fromBase64(hash);
    case 'nix32':
    case 'base32':
      return fromNix32(hash);
    case 'sri':
      return fromText(hash);
    default:
      return undefined;
  }
}

function fromHex(digits: string): Uint8Array | undefined {
  return isDigest(`sha256:${digits}`) ? Buffer.from(digits, 'hex') : undefined;
}

/** Buffer ignores what is not base64, so the way back shows whether all of it was. */
function fromBase64(digits: string): Uint8Array | undefined {
  const bytes = Buffer.from(digits, 'base64');
  return bytes.toString('base64') === digits ? bytes : undefined;
}

function fromNix32(digits: string): Uint8Array | undefined {
  if (digits.length !== nix32Length(SHA256_BYTES)) return undefined;
  try {
    return decodeNix32(digits);
  } catch {
    return undefined;
  }
}
