import { isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { referrersTag } from '../../image/referrer.ts';
import { tagOf, type IndexEntry, type LayoutIndex } from './layout-index.ts';
import { referrersIn, type ReadManifest } from './layout-referrers.ts';
import { reachable } from './reachable.ts';

export interface Deletion {
  readonly index: LayoutIndex;
  /** Blobs that nothing leads to any more. */
  readonly blobs: readonly Digest[];
}

/**
 * What is left of index.json without a tag, or with a digest without the manifest and all its tags; undefined if it is
 * not there. With the last entry of a manifest go the untagged ones that are about it. Where something that stays cannot be read,
 * no blob is given up: it may need any of them.
 */
export async function withoutManifest(
  index: LayoutIndex,
  reference: string,
  read: ReadManifest,
): Promise<Deletion | undefined> {
  const isMeant = (entry: IndexEntry): boolean =>
    (isDigest(reference) ? entry['digest'] : tagOf(entry)) === reference;
  const gone = new Set(index.manifests.filter(isMeant));
  if (gone.size === 0) return undefined;
  const referrers = await referrersIn(index, read);
  for (const entry of gone) {
    const digest = digestOf(entry);
    if (index.manifests.some((other) => digestOf(other) === digest && !gone.has(other))) continue;
    const about = new Set((referrers.get(digest) ?? []).map((each) => each.digest));
    // A set hands out what is added while it is gone through.
    for (const other of index.manifests) {
      const isUntagged = tagOf(other) === undefined;
      if ((isUntagged && about.has(digestOf(other))) || tagOf(other) === referrersTag(digest))
        gone.add(other);
    }
  }
  const manifests = index.manifests.filter((entry) => !gone.has(entry));
  return { index: { ...index, manifests }, blobs: await unneeded([...gone], manifests, read) };
}

async function unneeded(
  gone: readonly IndexEntry[],
  kept: readonly IndexEntry[],
  read: ReadManifest,
): Promise<Digest[]> {
  const roots = (entries: readonly IndexEntry[]): { digest: Digest }[] =>
    entries.map((entry) => ({ digest: digestOf(entry) }));
  try {
    const needed = await reachable(roots(kept), read);
    const candidates = await reachable(roots(gone), read, { lenient: true });
    return [...candidates].filter((digest) => !needed.has(digest));
  } catch (error) {
    if (error instanceof NixpushError) return [];
    throw error;
  }
}

function digestOf(entry: IndexEntry): Digest {
  return entry['digest'] as Digest;
}
