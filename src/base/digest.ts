import { createHash } from 'node:crypto';
import { NixpushError } from './errors.ts';

/** `algorithm:hex`, checked: safe to put into a path or a URL (image-spec, descriptor.md#digests). */
export type Digest = `${'sha256' | 'sha512'}:${string}`;

const HEX_LENGTH: Record<string, number> = { sha256: 64, sha512: 128 };

/** Strict: known algorithm, exact length, lowercase hex. An unchecked digest once led to path traversal (CVE-2024-3727). */
export function isDigest(text: unknown): text is Digest {
  if (typeof text !== 'string') return false;
  const match = /^(sha256|sha512):([0-9a-f]+)$/.exec(text);
  return match !== null && match[2]!.length === HEX_LENGTH[match[1]!];
}

/** Throws ERR_FORMAT, naming `what` carried the text. */
export function parseDigest(text: unknown, what: string): Digest {
  if (isDigest(text)) return text;
  throw new NixpushError(
    'ERR_FORMAT',
    `${what}: ${JSON.stringify(text) ?? 'nothing'} is not a sha256 or sha512 digest`,
  );
}

export function digestAlgorithm(digest: Digest): 'sha256' | 'sha512' {
  return digest.startsWith('sha256') ? 'sha256' : 'sha512';
}

/** The hex part, which names the blob's file in an image layout. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
