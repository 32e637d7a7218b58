import { createHash } from 'node:crypto';
import { digestAlgorithm, isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { MANIFEST_TYPES } from '../../image/media-types.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../image/parse-manifest.ts';
import type { StoredManifest } from '../image-store.ts';
import { manifestName, repositoryName, withSignal, type Repository } from './repository.ts';

/**
 * A manifest by tag or digest, checked as raw bytes before anything reads it: against the digest asked for and the one
 * in the header. Throws ERR_NOT_FOUND, ERR_INTEGRITY, ERR_FORMAT and what requests throw.
 */
export async function getManifest(
  from: Repository,
  reference: string,
  signal?: AbortSignal,
): Promise<StoredManifest> {
  const { client, repository, scopes } = from;
  const { headers, body } = await client.request({
    method: 'GET',
    path: `/v2/${repository}/manifests/${reference}`,
    scopes,
    what: `reading the manifest ${reference}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
    expect: [200],
    retry: 'idempotent',
    followRedirects: true,
    ...withSignal(signal),
  });
  const bytes = await body.bytes(MAX_MANIFEST_BYTES);
  const header = headers['docker-content-digest'];
  const asked = isDigest(reference) ? reference : undefined;
  const digest = digestOf(bytes, asked ?? (isDigest(header) ? header : undefined));
  for (const expected of [asked, header]) checkDigest(from, reference, digest, expected);
  const { mediaType } = parseManifest(
    bytes,
    manifestType(headers['content-type']),
    manifestName(from, reference),
  );
  return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
}

/** A Content-Type without parameters; undefined if it is not that of a manifest, which then has to say it inside. */
export function manifestType(header: string | undefined): string | undefined {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase();
  return type !== undefined && MANIFEST_TYPES.includes(type) ? type : undefined;
}

function digestOf(bytes: Uint8Array, like: Digest | undefined): Digest {
  const algorithm = like === undefined ? 'sha256' : digestAlgorithm(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A header of another algorithm than the one that was asked for says nothing. */
function checkDigest(
  from: Repository,
  reference: string,
  actual: Digest,
  expected: string | undefined,
): void {
  if (!isDigest(expected) || digestAlgorithm(expected) !== digestAlgorithm(actual)) return;
  if (expected === actual) return;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${repositoryName(from)}: the manifest ${reference} has the digest ${actual}, not ${expected}`,
    { host: from.client.host, repository: from.repository, digest: expected },
  );
}
