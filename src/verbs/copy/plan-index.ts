import pLimit from 'p-limit';
import type { StoredManifest, StoreOptions } from '../../stores/image-store.ts';
import { largestFirst, unchangedBlob, type BlobCopy, type CopyParts, type CopyPlan } from './copy-plan.ts';
import type { Destination } from '../destination/destination.ts';
import { readContent } from './image-content.ts';
import type { IndexEntry } from './index-entries.ts';
import { getChild } from '../read/read-index.ts';

/** Images looked for at the same time. */
const PARALLEL = 8;

/** An index that nobody has yet, and with it those of its images that are not at all destinations. */
export function planIndex(
  root: StoredManifest,
  entries: readonly IndexEntry[],
  destinations: readonly Destination[],
  options: StoreOptions,
): CopyPlan {
  return {
    root,
    parts: async () => {
      const limit = pLimit(PARALLEL);
      const missing = await Promise.all(entries.map((entry) => limit(() => isMissing(entry, destinations))));
      return copyParts(
        root,
        entries.filter((_, at) => missing[at]),
        options,
      );
    },
  };
}

/** Whether a destination lacks the image, or may lack parts of it. */
async function isMissing(
  { descriptor: { digest } }: IndexEntry,
  destinations: readonly Destination[],
): Promise<boolean> {
  let missing = false;
  await Promise.all(
    destinations.map((destination) =>
      destination.attempt(async (store, signal) => {
        const isWhole =
          store.keepsImagesWhole === true && (await store.headManifest(digest, { signal })) !== undefined;
        missing ||= !isWhole;
      }),
    ),
  );
  return missing;
}

async function copyParts(
  root: StoredManifest,
  entries: readonly IndexEntry[],
  options: StoreOptions,
): Promise<CopyParts> {
  const images: StoredManifest[] = [];
  const copies = new Map<string, BlobCopy>();
  for (const { descriptor, from } of entries) {
    const image = await getChild(from, descriptor, options);
    images.push(image);
    const get = async ({ digest }: { digest: string }): Promise<StoredManifest> =>
      from.getManifest(digest, options);
    const { blobs } = await readContent({ ...image, descriptor }, get, from.name);
    for (const { descriptor: blob, what } of blobs)
      if (!copies.has(blob.digest)) copies.set(blob.digest, unchangedBlob(from, blob, what));
  }
  return {
    blobs: largestFirst([...copies.values()]),
    manifests: () => ({ root, levels: [images] }),
  };
}
