import { createHash } from 'node:crypto';
import { isDigest, sha256, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { makeManifest } from '../../image/manifest.ts';
import {
  isIndexType,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
} from '../../image/media-types.ts';
import { isObject } from '../../image/parse-descriptor.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { StoredManifest } from '../image-store.ts';
import type { ArchiveBytes } from './archive-bytes.ts';
import type { ArchiveFile, ArchiveMembers } from './archive-members.ts';
import type { ArchiveImage } from './docker-manifest.ts';
import { LIMITS } from './limits.ts';

/** An image of an archive as registries have images. */
export interface FoundImage {
  readonly manifest: StoredManifest;
  /** Where config and layers are, by digest. */
  readonly files: ReadonlyMap<Digest, ArchiveFile>;
}

/** Makes images out of what stands in an archive. */
export class ArchiveImages {
  readonly #bytes: ArchiveBytes;
  readonly #members: ArchiveMembers;
  /** For messages. */
  readonly #place: string;

  constructor(bytes: ArchiveBytes, members: ArchiveMembers, place: string) {
    this.#bytes = bytes;
    this.#members = members;
    this.#place = place;
  }

  /** Throws ERR_NOT_FOUND if the archive has no such member, ERR_FORMAT, ERR_INTEGRITY. */
  async readJson(name: string): Promise<Buffer> {
    const file = this.#file(name);
    if (file.size > LIMITS.jsonBytes) throw this.#wrong(`${name} is larger than ${LIMITS.jsonBytes} bytes`);
    if (file.content !== undefined) return file.content;
    const pieces: Buffer[] = [];
    for await (const piece of this.#bytes.part(file.offset, file.size)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /**
   * The image's own manifest if the archive keeps one, as new archives of Docker do, else one made from what there is:
   * the config, and the layers as they lie in the archive, uncompressed most of the time.
   */
  async find(image: ArchiveImage, signal?: AbortSignal): Promise<FoundImage> {
    const config = await this.readJson(image.config);
    const digest = sha256(config);
    this.#checkName(image.config, digest);
    const files = new Map<Digest, ArchiveFile>([[digest, this.#file(image.config)]]);
    const diffIds = this.#diffIds(config, image);
    const layers: Descriptor[] = [];
    for (const [at, name] of image.layers.entries()) {
      const file = this.#file(name);
      const layer = await this.#layer(file, diffIds[at]!, signal);
      layers.push(layer);
      files.set(layer.digest, file);
    }
    const made = makeManifest({ config: { mediaType: OCI_CONFIG, digest, size: config.byteLength }, layers });
    const kept = await this.#keptManifest(digest, files);
    return { manifest: kept ?? made, files };
  }

  async #layer(file: ArchiveFile, diffId: Digest, signal: AbortSignal | undefined): Promise<Descriptor> {
    const mediaType = layerType(file.start);
    if (mediaType === OCI_LAYER) return { mediaType, digest: diffId, size: file.size };
    const named: unknown = `sha256:${/^blobs\/sha256\/([0-9a-f]+)$/.exec(file.name)?.[1]}`;
    const digest = isDigest(named) ? named : await this.#hash(file, signal);
    return { mediaType, digest, size: file.size };
  }

  /** The name says a compressed layer's digest in new archives only. */
  async #hash(file: ArchiveFile, signal: AbortSignal | undefined): Promise<Digest> {
    const hash = createHash('sha256');
    for await (const piece of this.#bytes.part(file.offset, file.size, signal)) hash.update(piece);
    return `sha256:${hash.digest('hex')}`;
  }

  /** undefined unless index.json leads to a manifest of this config all of whose layers are there. */
  async #keptManifest(
    config: Digest,
    files: ReadonlyMap<Digest, ArchiveFile>,
  ): Promise<StoredManifest | undefined> {
    if (this.#members.find('index.json') === undefined) return undefined;
    let names = [{ name: 'index.json', mediaType: undefined as string | undefined }];
    for (let level = 0; level < MOST_LEVELS && names.length > 0; level++) {
      const next: typeof names = [];
      for (const { name, mediaType } of names) {
        const bytes = await this.readJson(name);
        if (name !== 'index.json') this.#checkName(name, sha256(bytes));
        const manifest = parseManifest(bytes, mediaType, `${this.#place}: ${name}`);
        if (manifest.kind === 'index') {
          // What the archive does not hold, other platforms say, is of no use.
          const there = manifest.manifests.filter((each) => this.#members.find(blobName(each)) !== undefined);
          next.push(
            ...there.filter(isSmall).map((each) => ({ name: blobName(each), mediaType: each.mediaType })),
          );
        } else if (
          manifest.config.digest === config &&
          manifest.layers.every(({ digest, size }) => files.get(digest)?.size === size)
        ) {
          const { mediaType } = manifest;
          return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
        }
      }
      names = next;
    }
    return undefined;
  }

  #diffIds(config: Buffer, image: ArchiveImage): readonly Digest[] {
    const what = `the config ${image.config}`;
    let json: unknown;
    try {
      json = JSON.parse(config.toString('utf8'));
    } catch {
      throw this.#wrong(`${what} is not JSON`);
    }
    const rootfs = isObject(json) ? json['rootfs'] : undefined;
    // null, as of an image without layers.
    const diffIds = (isObject(rootfs) ? rootfs['diff_ids'] : undefined) ?? [];
    if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) throw this.#wrong(`${what} has no diff_ids`);
    if (diffIds.length !== image.layers.length)
      throw this.#wrong(`${what} tells of ${diffIds.length} layers, manifest.json of ${image.layers.length}`);
    return diffIds;
  }

  #file(name: string): ArchiveFile {
    const file = this.#members.find(name);
    if (file !== undefined) return file;
    throw this.#wrong(`${JSON.stringify(name)} is missing`, 'The archive is not complete; make it again.');
  }

  /** `<hex>.json` and `blobs/sha256/<hex>` say what is in them. */
  #checkName(name: string, digest: Digest): void {
    const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
    if (hex === undefined || digest === `sha256:${hex}`) return;
    throw new NixpushError('ERR_INTEGRITY', `${this.#place}: ${name} has the digest ${digest}`, { digest });
  }

  #wrong(what: string, hint?: string): NixpushError {
    return new NixpushError('ERR_FORMAT', `${this.#place}: ${what}`, hint === undefined ? {} : { hint });
  }
}

/** Indexes in indexes. */
const MOST_LEVELS = 4;

function isSmall({ size, mediaType }: Descriptor): boolean {
  return size <= LIMITS.jsonBytes && (isIndexType(mediaType) || mediaType.includes('manifest'));
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** By the first bytes: manifest.json does not say it. */
function layerType(start: Buffer): string {
  const hex = start.toString('hex');
  if (hex.startsWith('1f8b')) return OCI_LAYER_GZIP;
  return hex.startsWith('28b52ffd') ? OCI_LAYER_ZSTD : OCI_LAYER;
}
