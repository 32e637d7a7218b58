import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ImageIndex, ImageManifest } from '../../image/manifest.ts';
import { isIndexType, MANIFEST_TYPES } from '../../image/media-types.ts';
import { parseDescriptor } from '../../image/parse-descriptor.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { referrerEntry } from '../../image/referrer.ts';
import { tagOf, type LayoutIndex } from './layout-index.ts';

/** The bytes of a manifest, checked against its digest. */
export type ReadManifest = (digest: Digest) => Promise<Uint8Array>;

/** A tag of the referrers tag schema, under which other programs list referrers in a layout too. */
const FALLBACK_TAG = /^sha(256|512)-[0-9a-f]{64}$/;

/**
 * What the manifests in index.json refer to by their `subject`: by subject, those that refer to it. What cannot be
 * read refers to nothing.
 */
export async function referrersIn(
  index: LayoutIndex,
  read: ReadManifest,
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const referrers = new Map<Digest, Map<Digest, Descriptor>>();
  const seen = new Set<Digest>();
  const look = async (descriptor: Descriptor, isFallback: boolean): Promise<void> => {
    const { digest, mediaType } = descriptor;
    if (seen.has(digest) || !MANIFEST_TYPES.includes(mediaType)) return;
    seen.add(digest);
    const parsed = await parse(descriptor, read);
    if (parsed === undefined) return;
    if (parsed.subject !== undefined) {
      const those = referrers.get(parsed.subject.digest) ?? new Map<Digest, Descriptor>();
      referrers.set(parsed.subject.digest, those.set(digest, referrerEntry(descriptor, parsed)));
    }
    if (isFallback && parsed.kind === 'index')
      for (const each of parsed.manifests) if (!isIndexType(each.mediaType)) await look(each, false);
  };
  for (const entry of index.manifests)
    await look(parseDescriptor(entry, 'index.json'), FALLBACK_TAG.test(tagOf(entry) ?? ''));
  return new Map([...referrers].map(([subject, those]) => [subject, [...those.values()]]));
}

async function parse(
  { digest, mediaType }: Descriptor,
  read: ReadManifest,
): Promise<ImageManifest | ImageIndex | undefined> {
  try {
    return parseManifest(await read(digest), mediaType, digest);
  } catch (error) {
    if (error instanceof NixpushError) return undefined;
    throw error;
  }
}
