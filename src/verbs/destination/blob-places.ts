import type { Digest } from '../../base/digest.ts';
import type { BlobSource, ImageStore, PutBlobOptions, PutBlobResult } from '../../stores/image-store.ts';

/** Remembers, for later processes too, which repository of a registry has a blob. */
export interface BlobMemory {
  /** A store of the same registry that is likely to have the blob. */
  find(near: ImageStore, digest: Digest): Promise<ImageStore | undefined>;
  add(store: ImageStore, result: PutBlobResult): Promise<void>;
}

/**
 * Brings the blobs of many images to many repositories, each blob once to each registry: one that is on its way is
 * waited for, and one that another repository has is mounted from there.
 */
export class BlobPlaces {
  readonly #memory: BlobMemory;
  /** By repository and digest: what is being done, or is done. */
  readonly #repositories = new Map<string, Promise<PutBlobResult>>();
  /** By registry and digest: what is being uploaded. */
  readonly #uploads = new Map<string, Promise<void>>();

  constructor(memory: BlobMemory) {
    this.#memory = memory;
  }

  async put(store: ImageStore, source: BlobSource, options: PutBlobOptions): Promise<PutBlobResult> {
    if (source.id === undefined) return store.putBlob(source, options);
    const { digest, size } = source.id;
    const key = `${store.name} ${digest}`;
    // One at a time: distribution 2.x takes a blob for broken while it is mounted once more.
    for (let other = this.#repositories.get(key); other !== undefined; other = this.#repositories.get(key)) {
      if (await succeeds(other)) return { digest, size, outcome: 'exists', sentBytes: 0 };
    }
    const bringing = this.#bring(store, source, { digest, size }, options);
    this.#repositories.set(key, bringing);
    bringing.catch(() => this.#repositories.delete(key));
    return bringing;
  }

  async #bring(
    store: ImageStore,
    source: BlobSource,
    { digest, size }: { digest: Digest; size: number },
    options: PutBlobOptions,
  ): Promise<PutBlobResult> {
    const key = `${store.registry ?? store.name} ${digest}`;
    let isMissing = options.isMissing ?? false;
    do {
      await this.#uploads.get(key);
      const place = await this.#memory.find(store, digest);
      if (place === undefined || place.name === store.name) continue;
      if (!isMissing && (await store.hasBlob({ digest, size }, options)))
        return { digest, size, outcome: 'exists', sentBytes: 0 };
      if (await store.mountBlob({ digest, size }, place, options))
        return { digest, size, outcome: 'mounted', sentBytes: 0 };
      isMissing = true;
    } while (this.#uploads.has(key));
    const upload = this.#upload(store, source, { ...options, isMissing }, key);
    this.#uploads.set(
      key,
      succeeds(upload).then(() => undefined),
    );
    return upload;
  }

  async #upload(
    store: ImageStore,
    source: BlobSource,
    options: PutBlobOptions,
    key: string,
  ): Promise<PutBlobResult> {
    try {
      const result = await store.putBlob(source, options);
      await this.#memory.add(store, result);
      return result;
    } finally {
      this.#uploads.delete(key);
    }
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
