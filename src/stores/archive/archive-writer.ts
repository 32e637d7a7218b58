import { createHash } from 'node:crypto';
import { digestAlgorithm, digestHex } from '../../base/digest.ts';
import { abortError, NixpushError, usageError } from '../../base/errors.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type {
  BlobId,
  BlobSource,
  ImageStore,
  PutBlobOptions,
  PutBlobResult,
  StoredManifest,
  StoreOptions,
} from '../image-store.ts';
import type { Write } from '../layout/atomic-file.ts';
import { archiveDocuments, blobMember } from './archive-documents.ts';
import { writeArchiveFile } from './archive-output.ts';
import { encodeTarHeader, TAR_BLOCK, tarPadding } from './tar-header.ts';

interface PendingBlob {
  readonly source: BlobSource;
  readonly onStored: (() => void) | undefined;
}

/**
 * A new archive, for one image; `-` is standard output. Docker, podman, containerd and skopeo read it: it is an image
 * layout (image-spec, image-layout.md) with the manifest.json of `docker save` beside, so the image keeps its manifest
 * and its digest, and layers stay compressed as they are. Equal images give equal archives.
 *
 * Members stand in the manifest's order, and a member's size stands before its bytes. So blobs are only taken note of
 * until the manifest comes, and their sources opened then: nothing is kept meanwhile. A layer that is made for the first
 * time is made twice.
 */
export class ArchiveWriter implements ImageStore {
  readonly name: string;
  readonly holdsOneImage = true;
  readonly #file: string;
  readonly #blobs = new Map<string, PendingBlob>();

  constructor(file: string) {
    if (file === '-' && process.stdout.isTTY)
      throw usageError('docker-archive:-: standard output is a terminal', 'Pipe it: … | podman load');
    this.name = `docker-archive:${file}`;
    this.#file = file;
  }

  async hasBlob({ digest }: BlobId): Promise<boolean> {
    return this.#blobs.has(digest);
  }

  // eslint-disable-next-line require-yield
  async *getBlob({ digest }: BlobId): AsyncGenerator<Uint8Array, void, void> {
    throw this.#notThere(digest);
  }

  async putBlob(source: BlobSource, { signal, onStored }: PutBlobOptions = {}): Promise<PutBlobResult> {
    const id = source.id ?? (await learnId(source, signal));
    this.#blobs.set(id.digest, { source, onStored });
    return { digest: id.digest, size: id.size, outcome: 'uploaded', sentBytes: id.size };
  }

  async mountBlob(): Promise<boolean> {
    return false;
  }

  async getManifest(reference: string): Promise<StoredManifest> {
    throw this.#notThere(reference);
  }

  async headManifest(): Promise<undefined> {
    return undefined;
  }

  /** Writes the archive. `tags` are names of the image: `hello:1.0`, `ghcr.io/x/demo:1.0`. */
  async putManifest(
    manifest: StoredManifest,
    tags: readonly string[],
    { signal }: StoreOptions = {},
  ): Promise<void> {
    const what = `the manifest for ${this.name}`;
    const image = parseManifest(manifest.bytes, manifest.descriptor.mediaType, what);
    if (image.kind === 'index')
      throw usageError(`${this.name} can hold one image, not an index`, 'Choose one with --platform.');
    await writeArchiveFile(this.#file, this.name, (write) =>
      this.#write(write, manifest, image, tags, signal),
    );
  }

  async listTags(): Promise<string[]> {
    return [];
  }

  async close(): Promise<void> {
    this.#blobs.clear();
  }

  async #write(
    write: Write,
    manifest: StoredManifest,
    image: ImageManifest,
    tags: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Small members first: a reader that goes through once then knows what the layers are.
    for (const { name, bytes } of archiveDocuments(manifest, image, tags))
      await writeMember(write, name, bytes);
    const written = new Set<string>();
    for (const blob of [image.config, ...image.layers]) {
      if (written.has(blob.digest)) continue;
      written.add(blob.digest);
      await this.#writeBlob(write, blob, signal);
    }
    await write(Buffer.alloc(2 * TAR_BLOCK));
  }

  async #writeBlob(write: Write, blob: BlobId, signal: AbortSignal | undefined): Promise<void> {
    const pending = this.#blobs.get(blob.digest);
    if (pending === undefined) throw this.#notThere(blob.digest);
    const { source, onStored } = pending;
    const hash = createHash(digestAlgorithm(blob.digest));
    let size = 0;
    await write(encodeTarHeader(blobMember(blob.digest), blob.size));
    for await (const piece of source.open(0, signal)) {
      if (signal?.aborted === true) throw abortError(signal);
      size += piece.byteLength;
      if (size > blob.size) break;
      hash.update(piece);
      await write(piece);
    }
    if (size !== blob.size || hash.digest('hex') !== digestHex(blob.digest)) {
      throw new NixpushError(
        'ERR_INTEGRITY',
        `${source.what} is not ${blob.digest} with ${blob.size} bytes`,
        {
          digest: blob.digest,
        },
      );
    }
    await write(Buffer.alloc(tarPadding(size)));
    onStored?.();
  }

  #notThere(what: string): NixpushError {
    return new NixpushError('ERR_NOT_FOUND', `${this.name} has no ${what}: it is about to be written`);
  }
}

async function writeMember(write: Write, name: string, bytes: Uint8Array): Promise<void> {
  await write(encodeTarHeader(name, bytes.byteLength));
  await write(bytes);
  await write(Buffer.alloc(tarPadding(bytes.byteLength)));
}

/** Goes through a source whose size only a whole pass tells. */
async function learnId(source: BlobSource, signal: AbortSignal | undefined): Promise<BlobId> {
  for await (const _ of source.open(0, signal)) if (signal?.aborted === true) throw abortError(signal);
  return source.id!;
}
