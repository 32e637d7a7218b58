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
  const { digest } = manifest.descriptor;
  return askEach(destinations, async (destination, store, signal) => {
    if (store.keepsImagesWhole !== true) return true;
    const tags = partOfIndex ? [] : [...(await destination.foundTags())];
    const wrong = tags.flatMap(([tag, found]) => (found === digest ? [] : [tag]));
    const isThere =
      wrong.length < tags.length || (await store.headManifest(digest, { signal }))?.digest === digest;
    if (!isThere || (await isWhole?.(store, signal)) === false) return true;
    if (wrong.length > 0) await store.putManifest(manifest, wrong, { signal, isStored: true });
    if (partOfIndex) return false;
    const reference = `${store.name}@${digest}`;
    onProgress?.({ type: 'destination-done', destination: store.name, reference, unchanged: true });
    return false;
  });
}
