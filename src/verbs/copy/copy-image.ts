import type { ImageStore, StoredManifest } from '../../stores/image-store.ts';
import { hasAttachments } from './copy-attachments.ts';
import type { BlobPlaces } from '../destination/blob-places.ts';
import type { BlobCopy, CopiedManifests, CopyPlan } from './copy-plan.ts';
import type { Destination } from '../destination/destination.ts';
import { distribute } from '../destination/distribute.ts';
import type { ProgressListener } from '../progress.ts';
import { JobQueue } from '../destination/job-queue.ts';
import { allLack, mayLack, someLack, type Lacking } from '../destination/lacking.ts';
import { Pace } from '../destination/pace.ts';
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
 * Blobs, then manifests from the deepest up, then tags: whoever sees a tag can read all of the image. Each destination
 * goes at its own pace. Returns what those that did not fail have now; undefined if it never came to be.
 */
export async function copyImage(copy: ImageCopy): Promise<StoredManifest | undefined> {
  const { plan, destinations, jobs } = copy;
  const lacking = findLacking(copy);
  if (!(await someLack(lacking))) return plan.root;
  const { blobs, manifests } = await plan.parts();
  const pace = new Pace(jobs);
  await copyBlobs(copy, blobs, lacking, pace);
  if (destinations.every(({ error }) => error !== undefined)) return plan.root;
  const copied = manifests();
  await Promise.all(
    [...lacking].map(async ([destination, lacks]) => {
      if (!(await lacks)) return;
      await pace.arrived(destination);
      await finish(copy, destination, copied);
    }),
  );
  return copied.root;
}

/** Moves the tags where all of the copy is already. Tells who lacks it, or may lack parts of it. */
function findLacking({ plan, destinations, onProgress }: ImageCopy): Lacking {
  const { root: manifest, attachments = [] } = plan;
  if (manifest === undefined) return allLack(destinations);
  const isWhole = async (store: ImageStore, signal: AbortSignal): Promise<boolean> =>
    hasAttachments(store, attachments, { signal });
  return settlePresent({ manifest, destinations, isWhole, onProgress });
}

/** Done when each blob is at the first that gets it. */
async function copyBlobs(
  { jobs, places, onProgress }: ImageCopy,
  blobs: readonly BlobCopy[],
  lacking: Lacking,
  pace: Pace,
): Promise<void> {
  if (blobs.length === 0) return;
  const destinations = (await mayLack(lacking)).map(({ name }) => name);
  onProgress?.({ type: 'copy-plan', blobs, destinations });
  const queue = new JobQueue(jobs);
  const copyBlob = async (blob: BlobCopy, index: number): Promise<void> => {
    if ([...lacking.keys()].every(({ error }) => error !== undefined)) return;
    onProgress?.({ type: 'layer-start', layer: index });
    const source = blob.open((read, written) =>
      onProgress?.({ type: 'layer-bytes', layer: index, read, written }),
    );
    const mountFrom = blob.from === undefined ? {} : { mountFrom: blob.from };
    await distribute({ source, indexes: [index], lacking, ...mountFrom, places, pace, onProgress });
  };
  await Promise.all(blobs.map((blob, index) => queue.run(lacking, () => copyBlob(blob, index))));
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
