import type { ImageIndex, ImageManifest } from '../../image/manifest.ts';
import { orderedDescriptor } from '../../image/manifest.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { referrerEntry, referrersTag } from '../../image/referrer.ts';
import type { StoredManifest } from '../image-store.ts';
import { changedFallbackIndex, type FallbackEntry } from './fallback-index.ts';
import { missingParts, saysBlobUnknown, sendManifest } from './manifest-send.ts';
import { manifestName, type Repository } from './repository.ts';

/**
 * A registry without Referrers API finds what refers to a manifest by a tag that clients keep up to date
 * (distribution-spec, pushing manifests with subject). Nothing happens for a manifest without subject.
 */
export async function listReferrer(
  at: Repository,
  referrer: StoredManifest,
  signal?: AbortSignal,
): Promise<void> {
  const parsed = parse(at, referrer);
  if (parsed.subject === undefined) return;
  const { digest: subject } = parsed.subject;
  const entry: FallbackEntry = orderedDescriptor(referrerEntry(referrer.descriptor, parsed));
  const add = (entries: readonly FallbackEntry[]): readonly FallbackEntry[] =>
    entries.some(({ digest }) => digest === entry.digest) ? entries : [...entries, entry];
  const index = await changedFallbackIndex(at, subject, add, signal);
  if (index === undefined) return;
  const tag = referrersTag(subject);
  try {
    await sendManifest(at, index, tag, signal);
  } catch (error) {
    if (!saysBlobUnknown(error)) throw error;
    // Somebody deleted a referrer and left it in the list: no index is taken with it.
    const gone = await missingParts(at, index, signal);
    const isThere = ({ digest }: FallbackEntry): boolean => gone.every((each) => each.digest !== digest);
    const rest = await changedFallbackIndex(at, subject, (old) => add(old).filter(isThere), signal);
    if (rest !== undefined) await sendManifest(at, rest, tag, signal);
  }
}

/** The counterpart for a referrer that was deleted (distribution-spec, deleting manifests). */
export async function unlistReferrer(
  at: Repository,
  referrer: StoredManifest,
  signal?: AbortSignal,
): Promise<void> {
  const { subject } = parse(at, referrer);
  if (subject === undefined) return;
  const isOther = ({ digest }: FallbackEntry): boolean => digest !== referrer.descriptor.digest;
  const remove = (entries: readonly FallbackEntry[]): readonly FallbackEntry[] =>
    entries.every(isOther) ? entries : entries.filter(isOther);
  const index = await changedFallbackIndex(at, subject.digest, remove, signal);
  if (index !== undefined) await sendManifest(at, index, referrersTag(subject.digest), signal);
}

function parse(at: Repository, { bytes, descriptor }: StoredManifest): ImageManifest | ImageIndex {
  return parseManifest(bytes, descriptor.mediaType, manifestName(at, descriptor.digest));
}
