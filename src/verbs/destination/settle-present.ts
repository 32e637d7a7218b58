import type { Descriptor } from '../../image/descriptor.ts';
import type { ImageStore, StoredManifest } from '../../stores/image-store.ts';
import type { Destination } from './destination.ts';
import { askEach, type Lacking } from './lacking.ts';
import type { ProgressListener } from '../progress.ts';

export interface Settling {
  readonly manifest: StoredManifest;
  readonly destinations: readonly Destination[];
  /** An index that refers to the image follows, and with it the tags. */
  readonly partOfIndex?: boolean;
  /** Whether what belongs to the image, but not to its manifest, is there too. */
  readonly isWhole?: (store: ImageStore, signal: AbortSignal) => Promise<boolean>;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Moves the tags where the image is already: one request where the tag is right too. Tells who lacks the image, or may
 * lack parts of it.
 */
export function settlePresent(settling: Settling): Lacking {
  const { manifest, destinations, partOfIndex = false, isWhole, onProgress } = settling;
  return askEach(destinations, async (destination, store, signal) => {
    const tags = partOfIndex ? [] : destination.tags;
    const wrong =
      store.keepsImagesWhole === true ? await wrongTags(store, manifest, tags, signal) : undefined;
    if (wrong === undefined || (await isWhole?.(store, signal)) === false) return true;
    if (wrong.length > 0) await store.putManifest(manifest, wrong, { signal, isStored: true });
    if (partOfIndex) return false;
    const reference = `${store.name}@${manifest.descriptor.digest}`;
    onProgress?.({ type: 'destination-done', destination: store.name, reference, unchanged: true });
    return false;
  });
}

/** Tags that point elsewhere; undefined if the image is not there. */
async function wrongTags(
  store: ImageStore,
  { descriptor: { digest } }: StoredManifest,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const isIt = (found: Descriptor | undefined): boolean => found?.digest === digest;
  const found = await Promise.all(tags.map((tag) => store.headManifest(tag, { signal })));
  if (!found.some(isIt) && !isIt(await store.headManifest(digest, { signal }))) return undefined;
  return tags.filter((_, at) => !isIt(found[at]));
}
