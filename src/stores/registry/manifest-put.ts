import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { PutManifestOptions, StoredManifest } from '../image-store.ts';
import { headManifest } from './manifest-head.ts';
import { missingParts, saysBlobUnknown, sendManifest, type SentManifest } from './manifest-send.ts';
import { listReferrer } from './referrer-list.ts';
import { repositoryName, type Repository } from './repository.ts';

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
): Promise<SentManifest> {
  const { digest } = manifest.descriptor;
  try {
    return await sendManifest(to, manifest, digest, signal);
  } catch (error) {
    if (!saysBlobUnknown(error)) throw error;
    const missing = await missingParts(to, manifest, signal);
    if (missing.length > 0) throw missingError(to, missing, error);
    return sendManifest(to, manifest, digest, signal);
  }
}

async function putTag(
  to: Repository,
  manifest: StoredManifest,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await sendManifest(to, manifest, tag, signal);
  } catch (error) {
    const isRefusal = error instanceof NixpushError && [400, 403, 405, 409, 412].includes(error.status ?? 0);
    if (!isRefusal) throw error;
    const present = await headManifest(to, tag, signal).catch(() => undefined);
    if (present?.digest !== manifest.descriptor.digest) throw error;
  }
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
