import type { Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import type { ImageIndex, ImageManifest } from '../image/manifest.ts';
import { isIndexType } from '../image/media-types.ts';
import { nearestPlatforms } from '../image/nearest-platform.ts';
import { parseManifest } from '../image/parse-manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../stores/image-store.ts';

export interface FoundImage {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
}

/** Indexes in indexes, and indexes in all; real ones have one level, at times two. */
const MOST_LEVELS = 4;
const MOST_INDEXES = 32;

/**
 * The one image of `root` that suits the platform best. An image that is in no index is taken for what it is: its config
 * says its platform. Throws ERR_NOT_FOUND, naming the platforms that there are, ERR_FORMAT, ERR_INTEGRITY.
 */
export async function findImage(
  store: ImageStore,
  root: StoredManifest,
  wanted: Platform,
  options: StoreOptions,
): Promise<FoundImage> {
  const parsed = parse(store, root);
  if (parsed.kind === 'image') return { digest: root.descriptor.digest, manifest: parsed };
  const images = await new IndexReader(store, options).images(parsed, 0);
  const [chosen] = nearestPlatforms(images, wanted);
  // An index of a single image need not repeat what its config says.
  const only = images.length === 1 && images[0]?.platform === undefined ? images[0] : undefined;
  const descriptor = chosen ?? only;
  if (descriptor === undefined) throw notFound(store, wanted, images);
  const manifest = parse(store, await getChild(store, descriptor, options));
  if (manifest.kind === 'image') return { digest: descriptor.digest, manifest };
  throw new NixpushError(
    'ERR_FORMAT',
    `${store.name}@${descriptor.digest} is an index, but was announced as an image`,
  );
}

class IndexReader {
  readonly #store: ImageStore;
  readonly #options: StoreOptions;
  #indexes = 0;

  constructor(store: ImageStore, options: StoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** All images of an index and of those below it, in order. */
  async images({ manifests }: ImageIndex, level: number): Promise<Descriptor[]> {
    const images: Descriptor[] = [];
    for (const descriptor of manifests) {
      if (!isIndexType(descriptor.mediaType)) {
        // What BuildKit keeps beside the images: attestations, for no platform at all.
        if (descriptor.platform?.os !== 'unknown') images.push(descriptor);
        continue;
      }
      this.#indexes += 1;
      if (level >= MOST_LEVELS || this.#indexes > MOST_INDEXES)
        throw new NixpushError('ERR_FORMAT', `the index of ${this.#store.name} has too many indexes in it`);
      const child = parse(this.#store, await getChild(this.#store, descriptor, this.#options));
      if (child.kind === 'index') images.push(...(await this.images(child, level + 1)));
    }
    return images;
  }
}

function parse(store: ImageStore, { descriptor, bytes }: StoredManifest): ImageManifest | ImageIndex {
  return parseManifest(bytes, descriptor.mediaType, `the manifest ${descriptor.digest} of ${store.name}`);
}

/** The store checks the digest; the media type and the size are what the index promised. */
async function getChild(
  store: ImageStore,
  { digest, size, mediaType }: Descriptor,
  options: StoreOptions,
): Promise<StoredManifest> {
  const { bytes } = await store.getManifest(digest, options);
  if (bytes.byteLength !== size)
    throw new NixpushError(
      'ERR_INTEGRITY',
      `${store.name}@${digest} has ${bytes.byteLength} bytes, its index says ${size}`,
      { digest },
    );
  return { descriptor: { mediaType, digest, size }, bytes };
}

function notFound(store: ImageStore, wanted: Platform, images: readonly Descriptor[]): NixpushError {
  const there = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  const hint = there.length === 0 ? 'It names no platforms.' : `It has ${[...new Set(there)].join(', ')}.`;
  return new NixpushError('ERR_NOT_FOUND', `${store.name} has no image for ${formatPlatform(wanted)}`, {
    hint,
  });
}
