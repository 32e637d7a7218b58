import pLimit from 'p-limit';
import type { ImageStore, StoredManifest } from '../../stores/image-store.ts';
import { hasAttachments } from './copy-attachments.ts';
import type { BlobPlaces } from '../destination/blob-places.ts';
import type { BlobCopy, CopiedManifests, CopyPlan } from './copy-plan.ts';
import { parallelBlobs, type Destination } from '../destination/destination.ts';
import { distribute } from '../destination/distribute.ts';
import type { ProgressListener } from '../progress.ts';
import { allLack, whoLacks } from '../destination/lacking.ts';
import { settlePresent } from '../destination/settle-present.ts';

export interface ImageCopy {
  readonly plan: CopyPlan;
  readonly destinations: readonly Destination[];
  /** Blobs worked on at the same time. */
  readonly jobs: number;
  /** Of all images that are copied at the same time. */
  readonly places?: BlobPlaces;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Blobs, then manifests from the deepest up, then tags: whoever sees a tag can read all of the image. Returns what
 * the destinations that did not fail have now; undefined if it never came to be.
 */
export async function copyImage(copy: ImageCopy): Promise<StoredManifest | undefined> {
  const { plan } = copy;
  const lacking = await findLacking(copy);
  if (lacking.length === 0) return plan.root;
  const { blobs, manifests } = await plan.parts();
  await copyBlobs(copy, blobs, lacking);
  const standing = lacking.filter(({ error }) => error === undefined);
  if (standing.length === 0) return plan.root;
  const copied = manifests();
  await Promise.all(standing.map((destination) => finish(copy, destination, copied)));
  return copied.root;
}

/** Moves the tags where all of the copy is already. Returns the destinations that lack it, or may lack parts of it. */
async function findLacking({ plan, destinations, onProgress }: ImageCopy): Promise<Destination[]> {
  const { root: manifest, attachments = [] } = plan;
  if (manifest === undefined) return [...destinations];
  const isWhole = async (store: ImageStore, signal: AbortSignal): Promise<boolean> =>
    hasAttachments(store, attachments, { signal });
  return whoLacks(settlePresent({ manifest, destinations, isWhole, onProgress }));
}

async function copyBlobs(
  { jobs, places, onProgress }: ImageCopy,
  blobs: readonly BlobCopy[],
  destinations: readonly Destination[],
): Promise<void> {
  if (blobs.length === 0) return;
  onProgress?.({ type: 'copy-plan', blobs, destinations: destinations.map(({ name }) => name) });
  const limit = pLimit(await parallelBlobs(destinations, jobs));
  const copyBlob = async (blob: BlobCopy, index: number): Promise<void> => {
    const standing = destinations.filter(({ error }) => error === undefined);
    if (standing.length === 0) return;
    onProgress?.({ type: 'layer-start', layer: index });
    const source = blob.open((read, written) =>
      onProgress?.({ type: 'layer-bytes', layer: index, read, written }),
    );
    const mountFrom = blob.from === undefined ? {} : { mountFrom: blob.from };
    const lacking = allLack(standing);
    await distribute({ source, indexes: [index], lacking, ...mountFrom, places, onProgress });
  };
  await Promise.all(blobs.map((blob, index) => limit(() => copyBlob(blob, index))));
}

async function finish(
  { onProgress }: ImageCopy,
  destination: Destination,
  { root, levels, attachments }: CopiedManifests,
): Promise<void> {
  await destination.attempt(async (store, signal) => {
    await putLevels(store, levels, signal);
    // Before the tag that they speak for: who checks signatures never finds it without.
    for (const attachment of attachments ?? []) {
      await putLevels(store, attachment.levels, signal);
      await store.putManifest(attachment.manifest, attachment.tags, { signal });
    }
    await store.putManifest(root, destination.tags, { signal });
    const { digest } = root.descriptor;
    onProgress?.({ type: 'destination-done', destination: store.name, reference: `${store.name}@${digest}` });
  });
}

async function putLevels(
  store: ImageStore,
  levels: CopiedManifests['levels'],
  signal: AbortSignal,
): Promise<void> {
  for (const level of levels) {
    const options = { signal, partOfIndex: true };
    await Promise.all(level.map((manifest) => store.putManifest(manifest, [], options)));
  }
}
