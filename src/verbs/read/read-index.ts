import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ImageIndex, ImageManifest } from '../../image/manifest.ts';
import { isIndexType } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../../stores/image-store.ts';

/** Bounds of what one index may lead to, whoever made it. */
const LIMITS = {
  /** Indexes in indexes; real ones have one level, at times two. */
  levels: 4,
  indexes: 32,
  images: 1000,
  /** Bytes of the manifests of all images: they may be in memory at the same time. */
  manifestBytes: 64 * 1024 * 1024,
};

/** All images of an index and of those below it, in order, attestations among them. Throws ERR_FORMAT, ERR_INTEGRITY. */
export async function imagesIn(
  store: ImageStore,
  index: ImageIndex,
  options: StoreOptions,
): Promise<Descriptor[]> {
  return new IndexReader(store, options).images(index, 0);
}

class IndexReader {
  readonly #store: ImageStore;
  readonly #options: StoreOptions;
  #indexes = 0;
  #images = 0;
  #bytes = 0;

  constructor(store: ImageStore, options: StoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  async images({ manifests }: ImageIndex, level: number): Promise<Descriptor[]> {
    const images: Descriptor[] = [];
    for (const descriptor of manifests) {
      if (!isIndexType(descriptor.mediaType)) {
        this.#images += 1;
        this.#bytes += descriptor.size;
        if (this.#images > LIMITS.images || this.#bytes > LIMITS.manifestBytes) throw this.#tooMany('images');
        images.push(descriptor);
        continue;
      }
      this.#indexes += 1;
      if (level >= LIMITS.levels || this.#indexes > LIMITS.indexes) throw this.#tooMany('indexes');
      const child = parseStored(this.#store, await getChild(this.#store, descriptor, this.#options));
      if (child.kind === 'index') images.push(...(await this.images(child, level + 1)));
    }
    return images;
  }

  #tooMany(what: string): NixpushError {
    return new NixpushError('ERR_FORMAT', `the index of ${this.#store.name} has too many ${what} in it`);
  }
}

/** Throws ERR_FORMAT. */
export function parseStored(
  store: ImageStore,
  { descriptor, bytes }: StoredManifest,
): ImageManifest | ImageIndex {
  return parseManifest(bytes, descriptor.mediaType, `the manifest ${descriptor.digest} of ${store.name}`);
}

/** A manifest that an index refers to. The store checks the digest; the media type and the size are what the index promised. */
export async function getChild(
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
