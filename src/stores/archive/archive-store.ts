import { createHash } from 'node:crypto';
import { digestAlgorithm, isDigest, type Digest } from '../../base/digest.ts';
import { ioError, NixpushError, usageError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { BlobId, ImageStore, PutBlobResult, StoredManifest, StoreOptions } from '../image-store.ts';
import { openArchiveBytes, type ArchiveBytes, type Decompress } from './archive-bytes.ts';
import { ArchiveImages, type FoundImage } from './archive-images.ts';
import { readArchiveMembers, type ArchiveFile, type ArchiveMembers } from './archive-members.ts';
import { parseDockerManifest, type ArchiveImage } from './docker-manifest.ts';

/** What `getManifest` takes for the only image of an archive. */
export const ONLY_IMAGE = '';

/**
 * Opens an archive as `docker save`, `podman save`, skopeo and dockerTools write them; `-` is standard input. It is read
 * through once, members are then read from where they are. Throws ERR_NOT_FOUND, ERR_IO, ERR_FORMAT.
 */
export async function openArchive(
  file: string,
  decompress: Decompress,
  options: StoreOptions = {},
): Promise<ArchiveStore> {
  const place = `docker-archive:${file}`;
  const bytes = await openArchiveBytes(file, decompress, options.signal);
  try {
    const members = await readArchiveMembers(bytes);
    const images = new ArchiveImages(bytes, members, place);
    if (members.find('manifest.json') === undefined) throw noManifest(members, place, file);
    const json = await images.readJson('manifest.json');
    const entries = parseDockerManifest(json.toString('utf8'), `${place}: manifest.json`);
    return new ArchiveStore(place, bytes, images, entries);
  } catch (error) {
    await bytes.close();
    throw damaged(error, place);
  }
}

/** An archive that exists. Nothing can be written into it. */
export class ArchiveStore implements ImageStore {
  readonly name: string;
  readonly #bytes: ArchiveBytes;
  readonly #images: ArchiveImages;
  readonly #entries: readonly ArchiveImage[];
  readonly #found = new Map<ArchiveImage, Promise<FoundImage>>();
  /** Of the images that were asked for. */
  readonly #files = new Map<Digest, ArchiveFile>();

  /** Use `openArchive`. */
  constructor(name: string, bytes: ArchiveBytes, images: ArchiveImages, entries: readonly ArchiveImage[]) {
    this.name = name;
    this.#bytes = bytes;
    this.#images = images;
    this.#entries = entries;
  }

  async hasBlob({ digest, size }: BlobId): Promise<boolean> {
    return this.#files.get(digest)?.size === size;
  }

  async *getBlob(
    { digest, size }: BlobId,
    { signal }: StoreOptions = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    const file = this.#files.get(digest);
    if (file === undefined) throw this.#notFound(`no blob ${digest}`, digest);
    if (file.size !== size) throw this.#mismatch(file, digest, `has ${file.size} bytes instead of ${size}`);
    const hash = createHash(digestAlgorithm(digest));
    try {
      for await (const piece of this.#bytes.part(file.offset, file.size, signal)) {
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      throw damaged(error, this.name);
    }
    const found = `${digestAlgorithm(digest)}:${hash.digest('hex')}`;
    if (found !== digest) throw this.#mismatch(file, digest, `has the digest ${found}`);
  }

  /** `reference` is a name of an image (`hello:1.0`), `@N` for the one at this place from 0, or a digest. */
  async getManifest(reference: string, { signal }: StoreOptions = {}): Promise<StoredManifest> {
    if (isDigest(reference)) {
      for (const entry of this.#entries) {
        const { manifest } = await this.#image(entry, signal);
        if (manifest.descriptor.digest === reference) return manifest;
      }
      throw this.#notFound(`no image ${reference}`, reference);
    }
    return (await this.#image(this.#entry(reference), signal)).manifest;
  }

  async headManifest(reference: string, options: StoreOptions = {}): Promise<Descriptor | undefined> {
    try {
      return (await this.getManifest(reference, options)).descriptor;
    } catch (error) {
      if ((error as NixpushError).code === 'ERR_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** The members that an image's layers are, lowest first. `reference` as for getManifest. */
  layerNames(reference: string): readonly string[] {
    return this.#entry(reference).layers;
  }

  /** The names of an image, as the archive has them. */
  namesOf(reference: string): readonly string[] {
    return this.#entry(reference).names;
  }

  /** The names of all images, sorted. */
  async listTags(): Promise<string[]> {
    return [...new Set(this.#entries.flatMap(({ names }) => names))].sort();
  }

  async putBlob(): Promise<PutBlobResult> {
    throw this.#readOnly();
  }

  async putManifest(): Promise<void> {
    throw this.#readOnly();
  }

  async mountBlob(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {
    await this.#bytes.close();
  }

  #entry(reference: string): ArchiveImage {
    if (reference === ONLY_IMAGE) {
      const [only, ...others] = this.#entries;
      if (only === undefined) throw this.#notFound('no image');
      if (others.length > 0)
        throw usageError(`${this.name} has ${this.#entries.length} images`, `Say which: ${this.#choices()}.`);
      return only;
    }
    const at = /^@([0-9]+)$/.exec(reference)?.[1];
    const found =
      at === undefined
        ? this.#entries.find(({ names }) => names.some((name) => isSameName(name, reference)))
        : this.#entries[Number(at)];
    if (found === undefined) throw this.#notFound(`no image ${reference}`);
    return found;
  }

  async #image(entry: ArchiveImage, signal: AbortSignal | undefined): Promise<FoundImage> {
    const known = this.#found.get(entry) ?? this.#images.find(entry, signal);
    this.#found.set(entry, known);
    try {
      const image = await known;
      for (const [digest, file] of image.files) this.#files.set(digest, file);
      return image;
    } catch (error) {
      this.#found.delete(entry);
      throw damaged(error, this.name);
    }
  }

  /** How each image can be named. */
  #choices(): string {
    const names = this.#entries.slice(0, 10).map((entry, at) => `${this.name}:${entry.names[0] ?? `@${at}`}`);
    return names.join(', ');
  }

  #notFound(what: string, digest?: string): NixpushError {
    return new NixpushError('ERR_NOT_FOUND', `${this.name} has ${what}`, {
      ...(digest === undefined ? {} : { digest }),
      ...(this.#entries.length === 0 ? {} : { hint: `It has ${this.#choices()}.` }),
    });
  }

  #mismatch({ name }: ArchiveFile, digest: Digest, wrong: string): NixpushError {
    return new NixpushError('ERR_INTEGRITY', `${this.name}: ${name} ${wrong}, not ${digest}`, {
      digest,
      hint: 'The archive is damaged; make it again.',
    });
  }

  #readOnly(): NixpushError {
    return usageError(`${this.name} was opened to be read`);
  }
}

/** Docker's names may leave out Docker Hub, the tag is always there: `hello:1.0` is `docker.io/library/hello:1.0`. */
function isSameName(one: string, other: string): boolean {
  const short = (name: string): string => name.replace(/^docker\.io\/(library\/)?/, '');
  return short(one) === short(other);
}

/** Failures of the file system keep their names; all other errors speak of what is in the archive. */
function damaged(error: unknown, place: string): NixpushError {
  if (error instanceof NixpushError) return error;
  if ((error as NodeJS.ErrnoException).syscall !== undefined) return ioError(error, 'cannot read', place);
  return new NixpushError('ERR_FORMAT', `cannot read ${place}: ${(error as Error).message}`, {
    cause: error,
  });
}

function noManifest(members: ArchiveMembers, place: string, file: string): NixpushError {
  if (members.find('index.json') !== undefined) {
    return new NixpushError('ERR_FORMAT', `${place} is an OCI archive: it has no manifest.json`, {
      hint: `Unpack it (mkdir image && tar -xf ${file} -C image) and use oci:image.`,
    });
  }
  if (members.find('repositories') !== undefined) {
    return new NixpushError('ERR_FORMAT', `${place} was written by a Docker older than 1.10`, {
      hint: 'Save the image again with a current tool.',
    });
  }
  return new NixpushError('ERR_FORMAT', `${place} is not an image archive: it has no manifest.json`);
}
