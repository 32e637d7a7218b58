import type { Digest } from '../base/digest.ts';
import type { BlobSource, ImageStore, PutBlobOptions, PutBlobResult } from '../stores/image-store.ts';

/** Remembers, for later processes too, which repository of a registry has a blob. */
export interface BlobMemory {
  /** A store of the same registry that is likely to have the blob. */
  find(near: ImageStore, digest: Digest): Promise<ImageStore | undefined>;
  add(store: ImageStore, { digest, outcome }: PutBlobResult): Promise<void>;
}

/**
 * Brings the blobs of many images to many repositories, each blob once to each registry: one that is on its way to a
 * repository is waited for, and one that another repository has is mounted from there.
 */
export class BlobPlaces {
  readonly #memory: BlobMemory;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(memory: BlobMemory) {
    this.#memory = memory;
  }

  async put(store: ImageStore, source: BlobSource, options: PutBlobOptions): Promise<PutBlobResult> {
    if (source.id === undefined) return store.putBlob(source, options);
    const { digest, size } = source.id;
    const key = `${store.registry ?? store.name} ${digest}`;
    let place: ImageStore | undefined;
    do {
      await this.#underWay.get(key);
      place = await this.#memory.find(store, digest);
      const isElsewhere = place !== undefined && place.name !== store.name;
      if (isElsewhere && (await store.mountBlob({ digest, size }, place!, options)))
        return { digest, size, outcome: 'mounted', sentBytes: 0 };
    } while (this.#underWay.has(key));
    // Another image may have brought it to this repository since it was looked for.
    const isMissing = options.isMissing === true && place === undefined;
    const bringing = this.#bring(store, source, { ...options, isMissing }, key);
    this.#underWay.set(key, settled(bringing));
    return bringing;
  }

  async #bring(
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
      this.#underWay.delete(key);
    }
  }
}

async function settled(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
