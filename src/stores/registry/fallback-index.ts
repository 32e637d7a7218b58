import { sha256, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { OCI_INDEX } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { referrersTag } from '../../image/referrer.ts';
import type { StoredManifest } from '../image-store.ts';
import { getManifest } from './manifest-get.ts';
import { manifestName, type Repository } from './repository.ts';

/** The referrers that the fallback tag of `subject` lists. Throws ERR_FORMAT if the tag is on something else than an index. */
export async function readFallbackIndex(
  from: Repository,
  subject: Digest,
  signal?: AbortSignal,
): Promise<Descriptor[]> {
  const index = await getIndex(from, subject, signal);
  return index === undefined ? [] : [...entriesOf(from, subject, index)];
}

/** An entry as it stands there, unknown properties included. */
export interface FallbackEntry {
  readonly digest?: unknown;
}

/** The index under the fallback tag with other entries, and all else that stands in it; undefined if they are the very same. */
export async function changedFallbackIndex(
  at: Repository,
  subject: Digest,
  change: (entries: readonly FallbackEntry[]) => readonly FallbackEntry[],
  signal?: AbortSignal,
): Promise<StoredManifest | undefined> {
  const old = await getIndex(at, subject, signal);
  if (old !== undefined) entriesOf(at, subject, old);
  const json = (
    old === undefined
      ? { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }
      : JSON.parse(Buffer.from(old.bytes).toString())
  ) as { manifests: FallbackEntry[] };
  const manifests = change(json.manifests);
  if (manifests === json.manifests) return undefined;
  const bytes = Buffer.from(JSON.stringify({ ...json, manifests }));
  return { descriptor: { mediaType: OCI_INDEX, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

async function getIndex(
  from: Repository,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<StoredManifest | undefined> {
  try {
    return await getManifest(from, referrersTag(subject), signal);
  } catch (error) {
    if (error instanceof NixpushError && error.code === 'ERR_NOT_FOUND') return undefined;
    throw error;
  }
}

function entriesOf(
  from: Repository,
  subject: Digest,
  { bytes, descriptor }: StoredManifest,
): readonly Descriptor[] {
  const what = manifestName(from, referrersTag(subject));
  const parsed = parseManifest(bytes, descriptor.mediaType, what);
  if (parsed.kind === 'index') return parsed.manifests;
  throw new NixpushError('ERR_FORMAT', `${what} should list referrers, but is an image`);
}
