import { digestAlgorithm, isDigest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { referrerEntry, referrersTag } from '../../image/referrer.ts';
import type { PutManifestOptions, StoredManifest } from '../image-store.ts';
import { hasBlob } from './blob-exists.ts';
import { extendedFallbackIndex } from './fallback-index.ts';
import { headManifest } from './manifest-head.ts';
import { manifestName, repositoryName, withSignal, type Repository } from './repository.ts';

/** What registries must take at least (distribution-spec, pushing manifests), and most take no more. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Stores a manifest under its digest, then moves each tag to it, in order: a tag moves only when all else is there.
 * A tag that is immutable and points at the manifest already is as good as moved.
 * Throws ERR_FORMAT if it is too large, ERR_REGISTRY naming the blobs that the registry misses, and what requests throw.
 */
export async function putManifest(
  to: Repository,
  manifest: StoredManifest,
  tags: readonly string[],
  { signal, isStored = false }: PutManifestOptions = {},
): Promise<void> {
  if (manifest.bytes.byteLength > MOST_BYTES) {
    throw new NixpushError(
      'ERR_FORMAT',
      `${repositoryName(to)}: a manifest of ${manifest.bytes.byteLength} bytes is more than registries take (${MOST_BYTES})`,
    );
  }
  if (!isStored) {
    const { listsReferrers } = await putComplete(to, manifest, signal);
    if (!listsReferrers) await listReferrer(to, manifest, signal);
  }
  for (const tag of tags) await putTag(to, manifest, tag, signal);
}

/** The manifest by digest. Some registries see a blob only a moment after it was stored, so it is tried once more. */
async function putComplete(
  to: Repository,
  manifest: StoredManifest,
  signal?: AbortSignal,
): Promise<PutAnswer> {
  const { digest } = manifest.descriptor;
  try {
    return await put(to, manifest, digest, signal);
  } catch (error) {
    if (!saysBlobUnknown(error)) throw error;
    const missing = await missingParts(to, manifest, signal);
    if (missing.length > 0) throw missingError(to, missing, error);
    return put(to, manifest, digest, signal);
  }
}

/**
 * A registry without Referrers API finds what refers to a manifest by a tag that clients keep up to date
 * (distribution-spec, pushing manifests with subject).
 */
async function listReferrer(to: Repository, manifest: StoredManifest, signal?: AbortSignal): Promise<void> {
  const { bytes, descriptor } = manifest;
  const parsed = parseManifest(bytes, descriptor.mediaType, manifestName(to, descriptor.digest));
  if (parsed.subject === undefined) return;
  const { digest } = parsed.subject;
  const index = await extendedFallbackIndex(to, digest, referrerEntry(descriptor, parsed), signal);
  if (index !== undefined) await put(to, index, referrersTag(digest), signal);
}

interface PutAnswer {
  /** The registry has seen the manifest's subject, and lists it for it. */
  readonly listsReferrers: boolean;
}

async function putTag(
  to: Repository,
  manifest: StoredManifest,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await put(to, manifest, tag, signal);
  } catch (error) {
    const isRefusal = error instanceof NixpushError && [400, 403, 405, 409, 412].includes(error.status ?? 0);
    if (!isRefusal) throw error;
    const present = await headManifest(to, tag, signal).catch(() => undefined);
    if (present?.digest !== manifest.descriptor.digest) throw error;
  }
}

async function put(
  to: Repository,
  { descriptor, bytes }: StoredManifest,
  reference: string,
  signal?: AbortSignal,
): Promise<PutAnswer> {
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

function saysBlobUnknown(error: unknown): error is NixpushError {
  return (
    error instanceof NixpushError &&
    /(MANIFEST_BLOB|BLOB|MANIFEST)_UNKNOWN/.test(error.detail ?? '') &&
    (error.status === 400 || error.status === 404)
  );
}

async function missingParts(
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

function missingError(to: Repository, missing: readonly Descriptor[], cause: NixpushError): NixpushError {
  const { client, repository } = to;
  const names = missing.map(({ digest }) => digest).join(', ');
  return new NixpushError(
    'ERR_REGISTRY',
    `${repositoryName(to)} does not have what the manifest names: ${names}`,
    {
      host: client.host,
      repository,
      hint: 'The registry lost or removed it meanwhile; push again.',
      ...(cause.status === undefined ? {} : { status: cause.status }),
      cause,
    },
  );
}
