import { usageError } from '../base/errors.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { makeIndex } from '../image/manifest.ts';
import type { ImageStore, StoreOptions } from '../stores/image-store.ts';
import { parseReference } from '../stores/reference.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import { copyImage } from './copy/copy-image.ts';
import {
  failOnAbort,
  openDestinations,
  throwIfAllFailed,
  type Destination,
} from './destination/destination.ts';
import { distinctEntries, readEntries, type IndexEntry } from './copy/index-entries.ts';
import { manifestName } from './manifest-name.ts';
import { openImageStore, type OpenStoreOptions } from './open-store.ts';
import { planIndex } from './copy/plan-index.ts';
import type { ProgressListener } from './progress.ts';
import type { PushedDestination } from './push-result.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface IndexOptions {
  /** Destinations: `HOST/REPO[:TAG]` or `oci:DIR[:TAG]`. At least one. Without a tag, `latest`. */
  to: readonly string[];
  /** Of the index; its images keep theirs. */
  annotations?: Readonly<Record<string, string>>;
  registry?: RegistryAccess;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface IndexResult {
  /** The index that is at the destinations now. */
  manifest: Descriptor;
  /** Its entries, in order. */
  images: readonly Descriptor[];
  destinations: readonly PushedDestination[];
}

/** Blobs worked on at the same time. */
const JOBS = 6;

/**
 * Makes one multi-platform index of images that were pushed for each platform, wherever they are: what a destination
 * lacks is copied there first, and the tags move last. Entries stand in the order of `references`; of an index its
 * images are taken. Equal images in equal order give an index of the same bytes. A destination that fails is reported in
 * the result while the others go on; if all fail, the first one's error is thrown. Throws NixpushError.
 */
export async function index(references: readonly string[], options: IndexOptions): Promise<IndexResult> {
  const { to, registry, onProgress, signal } = options;
  checkIndexDestinations(to);
  if (references.length === 0) throw usageError('no images', 'Name the images that the index is to hold.');
  const sources = references.map((text) => ({ text, reference: parseReference(text) }));
  const open: OpenStoreOptions = {
    clients: new Map<string, RegistryClient>(),
    ...(registry !== undefined && { registry }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  };
  const reading = signal === undefined ? {} : { signal };
  const destinations = await openDestinations(to, open);
  const stores: ImageStore[] = destinations.map(({ store }) => store);
  try {
    const entries: IndexEntry[] = [];
    for (const { text, reference } of sources) {
      const store = await openImageStore(reference, open);
      stores.push(store);
      entries.push(...(await readEntries(store, manifestName(reference), text, reading)));
    }
    return await putIndex(distinctEntries(entries), destinations, options, reading);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** Throws ERR_USAGE. */
export function checkIndexDestinations(to: readonly string[]): void {
  if (to.length === 0)
    throw usageError('no destination', 'Say where the index goes with --to HOST/REPO:TAG or --to oci:DIR.');
  const archive = to.find((text) => parseReference(text).transport === 'docker-archive');
  if (archive !== undefined)
    throw usageError(`${archive} can hold one image, not an index`, 'Use a registry or oci:DIR.');
}

async function putIndex(
  entries: readonly IndexEntry[],
  destinations: readonly Destination[],
  { annotations, onProgress, signal }: IndexOptions,
  reading: StoreOptions,
): Promise<IndexResult> {
  const images = entries.map(({ descriptor }) => descriptor);
  const root = makeIndex({ manifests: images, ...(annotations !== undefined && { annotations }) });
  const stopListening = failOnAbort(destinations, signal);
  try {
    const plan = planIndex(root, entries, destinations, reading);
    await copyImage({ plan, destinations, jobs: JOBS, onProgress });
    throwIfAllFailed(destinations);
    const { digest } = root.descriptor;
    return {
      manifest: root.descriptor,
      images,
      destinations: destinations.flatMap((destination) => destination.results(digest)),
    };
  } finally {
    stopListening();
  }
}
