import type { Digest } from '../../base/digest.ts';
import type { ImageStore, PutBlobResult } from '../../stores/image-store.ts';
import { formatReference, parseReference, type Reference } from '../../stores/reference.ts';
import type { BlobMemory } from '../destination/blob-places.ts';
import { openImageStore, type OpenStoreOptions } from '../open-store.ts';
import type { Journal } from './journal.ts';

/** The places of a mirror, each opened once and all closed together: stores of one registry share its connections. */
export class Stores implements BlobMemory {
  readonly #options: OpenStoreOptions;
  readonly #journal: Journal;
  readonly #open = new Map<string, Promise<ImageStore>>();

  constructor(options: OpenStoreOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  async source(reference: Reference): Promise<ImageStore> {
    return this.#get(reference, false);
  }

  /** A layout comes into being. */
  async destination(reference: Reference): Promise<ImageStore> {
    return this.#get(reference, true);
  }

  async find({ registry }: ImageStore, digest: Digest): Promise<ImageStore | undefined> {
    const repository = registry === undefined ? undefined : this.#journal.blob(registry, digest);
    return repository === undefined ? undefined : this.#get(parseReference(repository), true);
  }

  async add({ registry, name }: ImageStore, { digest, outcome }: PutBlobResult): Promise<void> {
    if (registry === undefined) return;
    if (outcome === 'uploaded' || this.#journal.blob(registry, digest) === undefined)
      await this.#journal.addBlob(registry, name, digest);
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#open.values()].map(async (opening) => {
        const store = await opening.catch(() => undefined);
        await store?.close();
      }),
    );
  }

  async #get(reference: Reference, create: boolean): Promise<ImageStore> {
    const name = `${create ? 'to' : 'from'} ${formatReference(reference)}`;
    let store = this.#open.get(name);
    if (store === undefined) {
      store = openImageStore(reference, { ...this.#options, create });
      this.#open.set(name, store);
    }
    return store;
  }
}
