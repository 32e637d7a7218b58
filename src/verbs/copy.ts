import { usageError } from '../base/errors.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import { isIndexType } from '../image/media-types.ts';
import { hostPlatform, parsePlatforms } from '../image/platform.ts';
import { DEFAULT_COMPRESSION, parseCodec } from '../layers/codec.ts';
import { WorkerPool } from '../layers/engine/pool.ts';
import { cacheDirectory } from '../base/cache-directory.ts';
import { RecipeCache } from '../layers/recipe-cache.ts';
import type { ImageStore, StoredManifest } from '../stores/image-store.ts';
import { formatReference, parseReference, type Reference } from '../stores/reference.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import { AttachmentFinder } from './copy/attachments.ts';
import { planCompression } from './copy/compress-layers.ts';
import { withAttachments } from './copy/copy-attachments.ts';
import { copyImage } from './copy/copy-image.ts';
import { planCopy, type CopyPlan } from './copy/copy-plan.ts';
import {
  failOnAbort,
  openDestinations,
  throwIfAllFailed,
  type DefaultNames,
  type Destination,
} from './destination/destination.ts';
import { manifestName } from './manifest-name.ts';
import { openImageStore, type OpenStoreOptions } from './open-store.ts';
import type { ProgressListener } from './progress.ts';
import type { PushedDestination } from './push-result.ts';
import type { RegistryAccess } from './registry-access.ts';
import { selectPlatforms } from './copy/select-platforms.ts';

export interface CopyOptions {
  /** Destinations: `HOST/REPO[:TAG]`, `oci:DIR[:TAG]`, `docker-archive:FILE[:NAME]`. At least one. */
  to: readonly string[];
  /** `OS/ARCH[/VARIANT]`, each alone or several with commas between. Default: all that the source has. */
  platforms?: readonly string[];
  /** `gzip|zstd|none[:LEVEL]`, for uncompressed layers of an archive; all others stay as they are. Default `gzip`. */
  compression?: string;
  /** Take along what is attached to the image: referrers (SBOMs, signatures) and cosign's tags. Default false. */
  referrers?: boolean;
  /** Blobs worked on at the same time. Default 12. */
  jobs?: number;
  registry?: RegistryAccess;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface CopyResult {
  /** The image or index that is at the destinations now. */
  manifest: Descriptor;
  destinations: readonly PushedDestination[];
}

const DEFAULT_JOBS = 12;

/**
 * Copies an image, or an index with all its images, from one place to others. Manifests keep their bytes, and so their
 * digest, unless platforms are chosen or layers compressed. Every byte is checked against its digest on the way; tags
 * move last. A destination that fails is reported in the result while the others go on; if all fail, the first one's
 * error is thrown. Throws NixpushError.
 */
export async function copy(source: string, options: CopyOptions): Promise<CopyResult> {
  const reference = parseReference(source);
  const settings = checkOptions(options, reference);
  const { registry, onProgress, signal } = options;
  const open: OpenStoreOptions = {
    clients: new Map<string, RegistryClient>(),
    ...(registry !== undefined && { registry }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  };
  const destinations = await openDestinations(options.to, open, namesFrom(reference));
  const stores = destinations.map(({ store }) => store);
  try {
    const from = await openImageStore(reference, open);
    stores.push(from);
    return await copyBetween(from, manifestName(reference), destinations, settings);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

interface Settings {
  readonly platforms: readonly Platform[];
  readonly compression: string | undefined;
  readonly referrers: boolean;
  readonly jobs: number;
  /** Layers are uncompressed because archives want them so, not because somebody chose it. */
  readonly isArchive: boolean;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Everything that can be wrong with the options, before anything is opened. */
function checkOptions(options: CopyOptions, reference: Reference): Settings {
  const { to, platforms = [], compression, referrers = false, jobs = DEFAULT_JOBS } = options;
  const { onProgress, signal } = options;
  if (to.length === 0)
    throw usageError('no destination', 'Say where to copy with --to HOST/REPO:TAG or --to oci:DIR.');
  if (!Number.isSafeInteger(jobs) || jobs < 1)
    throw usageError(`--jobs ${jobs} is not a whole number above 0`);
  if (compression !== undefined) parseCodec(compression);
  return {
    platforms: parsePlatforms(platforms),
    compression,
    referrers,
    jobs,
    isArchive: reference.transport === 'docker-archive',
    onProgress,
    signal,
  };
}

/** A copy is called like what it is a copy of; with a digest alone it has no other name. */
function namesFrom(reference: Reference): DefaultNames {
  if (reference.transport === 'docker-archive') {
    const name = reference.image?.startsWith('@') === true ? undefined : reference.image;
    return { tag: name?.slice(name.lastIndexOf(':') + 1) ?? 'latest', name };
  }
  const tag = reference.tag ?? (reference.digest === undefined ? 'latest' : undefined);
  if (reference.transport === 'oci' || tag === undefined) return { tag };
  const { host, repository } = reference;
  return { tag, name: formatReference({ transport: 'docker', host, repository, tag }) };
}

async function copyBetween(
  from: ImageStore,
  name: string,
  destinations: readonly Destination[],
  settings: Settings,
): Promise<CopyResult> {
  const { signal, onProgress, jobs } = settings;
  const stopListening = failOnAbort(destinations, signal);
  const pool = new WorkerPool();
  try {
    const plan = await planOf(from, name, destinations, { ...settings, pool });
    const copied = await copyImage({ plan, destinations, jobs, onProgress });
    throwIfAllFailed(destinations);
    const { descriptor } = copied!;
    return {
      manifest: descriptor,
      destinations: destinations.flatMap((destination) => destination.results(descriptor.digest)),
    };
  } finally {
    stopListening();
    await pool.close();
  }
}

async function planOf(
  from: ImageStore,
  name: string,
  destinations: readonly Destination[],
  { platforms, compression, referrers, isArchive, pool, signal }: Settings & { pool: WorkerPool },
): Promise<CopyPlan> {
  const options = signal === undefined ? {} : { signal };
  if (referrers) refuseArchives(destinations);
  const stored = await from.getManifest(name, options);
  const wanted = platformsFor(stored, destinations, platforms);
  const selection = await selectPlatforms(from, stored, wanted, options);
  if (isArchive) {
    const allArchives = destinations.every(({ store }) => store.holdsOneImage === true);
    const codec = parseCodec(compression ?? (allArchives ? 'none' : DEFAULT_COMPRESSION));
    const cache = new RecipeCache(cacheDirectory());
    const compressed = await planCompression(from, selection.root, { codec, pool, cache });
    if (compressed !== undefined) return compressed;
  }
  const plan = planCopy(from, selection);
  if (!referrers) return plan;
  const attachments = await new AttachmentFinder(from, options).find(selection.root, selection.get);
  return withAttachments(plan, from, attachments, options);
}

function refuseArchives(destinations: readonly Destination[]): void {
  const single = destinations.find(({ store }) => store.holdsOneImage === true);
  if (single !== undefined)
    throw usageError(`${single.name} can hold one image, not what is attached to it`, 'Use oci:DIR.');
}

/** An archive holds one image; of an index that is the one for this machine, as long as nobody wants anything else. */
function platformsFor(
  { descriptor: { mediaType } }: StoredManifest,
  destinations: readonly Destination[],
  platforms: readonly Platform[],
): readonly Platform[] {
  const single = destinations.filter(({ store }) => store.holdsOneImage === true);
  if (single.length === 0 || platforms.length === 1) return platforms;
  if (platforms.length > 1 || (single.length < destinations.length && isIndexType(mediaType))) {
    throw usageError(`${single[0]!.name} can hold one image, not an index`, 'Choose one with --platform.');
  }
  return isIndexType(mediaType) ? [hostPlatform()] : [];
}
