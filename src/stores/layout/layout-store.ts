import { createHash } from 'node:crypto';
import { digestAlgorithm, digestHex, isDigest, type Digest } from '../../base/digest.ts';
import { abortError, NixpushError, usageError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../image/parse-manifest.ts';
import { bytesSource } from '../bytes-source.ts';
import type {
  BlobId,
  BlobSource,
  ImageStore,
  PutBlobResult,
  PutManifestOptions,
  StoredManifest,
  StoreOptions,
} from '../image-store.ts';
import { blobExists, blobPath, readBlob, sizeOfBlob, writeBlob } from './blob-file.ts';
import { withoutManifest } from './layout-delete.ts';
import { layoutState, prepareLayout } from './layout-directory.ts';
import { IndexFile } from './index-file.ts';
import { findEntry, tagOf, withTag, withUntagged } from './layout-index.ts';
import { referrersIn } from './layout-referrers.ts';
import { readSmallFile } from './open-file.ts';
import { reachable } from './reachable.ts';

/** Wider than a registry's tags: other programs put whole image names here (image-spec, annotations.md, `ref.name`). */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._:@/+-]{0,254}$/;

export interface LayoutOptions {
  /** Whether a missing or empty directory will do; it becomes a layout at the first write. Default false. */
  create?: boolean;
}

/**
 * Opens an image layout (image-spec, image-layout.md); nothing is written yet. Throws ERR_NOT_FOUND or ERR_FORMAT if
 * `directory` is not one, ERR_IO.
 */
export async function openLayout(
  directory: string,
  { create = false }: LayoutOptions = {},
): Promise<LayoutStore> {
  const store = new LayoutStore(directory);
  const state = await layoutState(directory, store.name);
  if (state !== 'layout' && !create) {
    throw new NixpushError(
      'ERR_NOT_FOUND',
      `${store.name} is not an image layout: the directory is ${state}`,
      {
        path: directory,
      },
    );
  }
  return store;
}

/**
 * An image layout directory. Processes may write into the same one at the same time: blobs appear under their
 * digests all at once, and index.json changes under a lock.
 */
export class LayoutStore implements ImageStore {
  readonly name: string;
  readonly #directory: string;
  readonly #index: IndexFile;
  #prepared: Promise<void> | undefined;
  /** As they were while index.json was `key`. */
  #referrers: { key: string; found: ReturnType<typeof referrersIn> } | undefined;

  /** Use `openLayout`, which checks the directory. */
  constructor(directory: string) {
    this.name = `oci:${directory}`;
    this.#directory = directory;
    this.#index = new IndexFile(directory, this.name);
  }

  async hasBlob(blob: BlobId): Promise<boolean> {
    return blobExists(this.#directory, blob);
  }

  getBlob(blob: BlobId, { signal }: StoreOptions = {}): AsyncIterable<Uint8Array> {
    return readBlob(this.#directory, blob, signal);
  }

  async putBlob(source: BlobSource, options: StoreOptions = {}): Promise<PutBlobResult> {
    const { signal } = options;
    throwIfAborted(signal);
    if (source.id !== undefined && (await this.hasBlob(source.id))) {
      return { ...source.id, outcome: 'exists', sentBytes: 0 };
    }
    try {
      await this.#prepare(signal);
      const written = await writeBlob(this.#directory, source, this.name, options);
      return { ...written, outcome: 'uploaded', sentBytes: written.size };
    } catch (error) {
      // Whatever the source made of the signal, the caller's reason is what counts.
      throwIfAborted(signal);
      throw error;
    }
  }

  /** A layout has no other repositories to take blobs from. */
  async mountBlob(): Promise<boolean> {
    return false;
  }

  async getManifest(reference: string): Promise<StoredManifest> {
    const known = await this.#find(reference);
    if (known === undefined) {
      throw new NixpushError('ERR_NOT_FOUND', `${this.name} has no image ${reference}`, {
        path: this.#directory,
        ...(await this.#tagsHint()),
      });
    }
    const bytes = await this.#readManifest(known.digest);
    return { descriptor: describe(known, bytes, `${this.name}@${known.digest}`), bytes };
  }

  async headManifest(reference: string): Promise<Descriptor | undefined> {
    try {
      return (await this.getManifest(reference)).descriptor;
    } catch (error) {
      if ((error as NixpushError).code === 'ERR_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Without tags an untagged entry of index.json keeps the manifest reachable, unless another manifest does. */
  async putManifest(
    { descriptor, bytes }: StoredManifest,
    tags: readonly string[],
    options: PutManifestOptions = {},
  ): Promise<void> {
    for (const tag of tags) checkTag(tag, this.name);
    if (bytes.byteLength > MAX_MANIFEST_BYTES) {
      throw new NixpushError('ERR_FORMAT', `the manifest is larger than ${MAX_MANIFEST_BYTES} bytes`);
    }
    const blob = {
      ...bytesSource('manifest', bytes),
      id: { digest: descriptor.digest, size: descriptor.size },
    };
    await this.putBlob(blob, options);
    if (tags.length === 0 && options.partOfIndex === true) return;
    await this.#index.update(async (index) => {
      await this.#checkWhole(descriptor);
      if (tags.length === 0) return { index: withUntagged(index, descriptor) };
      return { index: tags.reduce((changed, tag) => withTag(changed, descriptor, tag), index) };
    }, options.signal);
  }

  /** Sorted. */
  async listTags(): Promise<string[]> {
    const { manifests } = await this.#index.read();
    return [...new Set(manifests.map(tagOf).filter((tag) => tag !== undefined))].sort();
  }

  async listReferrers(subject: Digest): Promise<Descriptor[]> {
    const index = await this.#index.read();
    const key = JSON.stringify(index);
    // All manifests are read for it: an index of ten images asks ten times.
    if (this.#referrers?.key !== key)
      this.#referrers = { key, found: referrersIn(index, (digest) => this.#readManifest(digest)) };
    return [...((await this.#referrers.found).get(subject) ?? [])];
  }

  /** With the blobs that nothing else in index.json leads to. */
  async deleteManifest(reference: string, { signal }: StoreOptions = {}): Promise<void> {
    await this.#index.update(async (index) => {
      const deletion = await withoutManifest(index, reference, (digest) => this.#readManifest(digest));
      if (deletion === undefined) {
        throw new NixpushError('ERR_NOT_FOUND', `${this.name} has no image ${reference} to delete`, {
          path: this.#directory,
          ...(await this.#tagsHint()),
        });
      }
      return deletion;
    }, signal);
  }

  async close(): Promise<void> {
    // Nothing stays open between two calls.
  }

  /** Since this image looked for its blobs, another process may have deleted some with an image of its own. */
  async #checkWhole({ digest }: Descriptor): Promise<void> {
    for (const part of await reachable([{ digest }], (each) => this.#readManifest(each))) {
      if ((await sizeOfBlob(this.#directory, part)) !== undefined) continue;
      throw new NixpushError('ERR_IO', `cannot write ${this.name}: ${part} is not there (any more)`, {
        digest: part,
        hint: 'If something was deleted meanwhile, push again.',
      });
    }
  }

  async #prepare(signal: AbortSignal | undefined): Promise<void> {
    this.#prepared ??= prepareLayout(this.#directory, this.name, signal);
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  /** A digest may name what index.json does not: one platform's manifest of an index, say. */
  async #find(reference: string): Promise<KnownManifest | undefined> {
    const entry = findEntry(await this.#index.read(), reference);
    return entry ?? (isDigest(reference) ? { digest: reference } : undefined);
  }

  async #readManifest(digest: Digest): Promise<Uint8Array> {
    const bytes = await readSmallFile(blobPath(this.#directory, digest), MAX_MANIFEST_BYTES);
    const hex = createHash(digestAlgorithm(digest)).update(bytes).digest('hex');
    if (hex === digestHex(digest)) return bytes;
    throw new NixpushError('ERR_INTEGRITY', `${this.name}@${digest} has other content than its digest says`, {
      digest,
    });
  }

  async #tagsHint(): Promise<{ hint?: string }> {
    const tags = await this.listTags();
    return tags.length === 0 ? {} : { hint: `It has ${tags.slice(0, 10).join(', ')}.` };
  }
}

type KnownManifest = Pick<Descriptor, 'digest'> & Partial<Descriptor>;

/** The descriptor without what only belongs to its place in index.json, the tag above all. */
function describe(
  { digest, mediaType, size, platform }: KnownManifest,
  bytes: Uint8Array,
  what: string,
): Descriptor {
  if (size !== undefined && size !== bytes.byteLength) {
    throw new NixpushError('ERR_INTEGRITY', `${what} has ${bytes.byteLength} bytes instead of ${size}`, {
      digest,
    });
  }
  return {
    mediaType: mediaType ?? parseManifest(bytes, undefined, what).mediaType,
    digest,
    size: bytes.byteLength,
    ...(platform === undefined ? {} : { platform }),
  };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

function checkTag(tag: string, place: string): void {
  if (TAG.test(tag) && !isDigest(tag)) return;
  throw usageError(`${JSON.stringify(tag)} is not a tag for ${place}`);
}
