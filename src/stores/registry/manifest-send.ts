import { digestAlgorithm, isDigest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { StoredManifest } from '../image-store.ts';
import { hasBlob } from './blob-exists.ts';
import { headManifest } from './manifest-head.ts';
import { manifestName, repositoryName, withSignal, type Repository } from './repository.ts';

export interface SentManifest {
  /** The registry has seen the manifest's subject, and lists it for it. */
  readonly listsReferrers: boolean;
}

/** PUT of a manifest under a digest or a tag. Throws ERR_INTEGRITY if it was stored as something else, and what requests throw. */
export async function sendManifest(
  to: Repository,
  manifest: StoredManifest,
  reference: string,
  signal?: AbortSignal,
): Promise<SentManifest> {
  try {
    return await send(to, manifest, reference, signal);
  } catch (error) {
    // distribution 2.x says so for a moment while somebody else brings one of the blobs to the repository.
    if (!saysDigestInvalid(error)) throw error;
    return send(to, manifest, reference, signal);
  }
}

async function send(
  to: Repository,
  { descriptor, bytes }: StoredManifest,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<SentManifest> {
  const { client, repository, scopes } = to;
  const { headers, body } = await client.request({
    method: 'PUT',
    path: `/v2/${repository}/manifests/${reference}`,
    scopes,
    what: isDigest(reference) ? 'pushing the manifest' : `setting the tag ${reference}`,
    // Nexus and Artifactory want the length; as a Uint8Array the body has one.
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
    expect: [200, 201, 202, 204],
    retry: 'idempotent',
    ...withSignal(signal),
  });
  await body.dump();
  const answer = { listsReferrers: headers['oci-subject'] !== undefined };
  const stored = headers['docker-content-digest'];
  if (!isDigest(stored) || digestAlgorithm(stored) !== digestAlgorithm(descriptor.digest)) return answer;
  if (stored === descriptor.digest) return answer;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${repositoryName(to)} stored the manifest as ${stored}, not as ${descriptor.digest}`,
    { host: client.host, repository, digest: descriptor.digest },
  );
}

function saysDigestInvalid(error: unknown): boolean {
  return error instanceof NixpushError && error.status === 400 && /DIGEST_INVALID/.test(error.detail ?? '');
}

/** Whether a manifest was refused because the registry does not have all that it names, or does not know it yet. */
export function saysBlobUnknown(error: unknown): error is NixpushError {
  return (
    error instanceof NixpushError &&
    /(MANIFEST_BLOB|BLOB|MANIFEST)_UNKNOWN/.test(error.detail ?? '') &&
    (error.status === 400 || error.status === 404)
  );
}

/** What a manifest names and the registry does not have. */
export async function missingParts(
  to: Repository,
  { bytes, descriptor }: StoredManifest,
  signal?: AbortSignal,
): Promise<Descriptor[]> {
  const parsed = parseManifest(bytes, descriptor.mediaType, manifestName(to, descriptor.digest));
  const missing: Descriptor[] = [];
  const parts = parsed.kind === 'index' ? parsed.manifests : [parsed.config, ...parsed.layers];
  for (const part of parts) {
    const isThere =
      parsed.kind === 'index'
        ? (await headManifest(to, part.digest, signal)) !== undefined
        : await hasBlob(to, part, signal);
    if (!isThere) missing.push(part);
  }
  return missing;
}
