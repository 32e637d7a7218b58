import pLimit from 'p-limit';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ImageIndex, ImageManifest } from '../../image/manifest.ts';
import { isForeignType } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { StoredManifest } from '../../stores/image-store.ts';

/** Bounds of what one image may be made of, whoever made it. */
const LIMITS = {
  /** Indexes in indexes; real ones have one level, at times two. */
  depth: 8,
  /** Manifests in all. */
  manifests: 5000,
  /** Bytes of all manifests together: they are in memory at the same time. */
  manifestBytes: 64 * 1024 * 1024,
};

/** Requests for manifests at the same time. */
const PARALLEL = 8;

/** Everything that an image or index is made of. */
export interface ImageContent {
  readonly root: StoredManifest;
  /** The manifests below `root`, deepest first: each level refers only to levels before it. */
  readonly levels: readonly (readonly StoredManifest[])[];
  /** Configs and layers, each once. */
  readonly blobs: readonly ContentBlob[];
}

export interface ContentBlob {
  readonly descriptor: Descriptor;
  /** For people: `layer 3 of linux/arm64`. */
  readonly what: string;
}

/** A manifest that another one refers to. Checked against the digest by whoever gets it. */
export type GetManifest = (descriptor: Descriptor) => Promise<StoredManifest>;

/**
 * Reads all manifests below `root`, an image or index. `place` names where they are in messages. Throws ERR_FORMAT for
 * what is too deep, too large or refers to itself, ERR_INTEGRITY for a manifest of another size than promised.
 */
export async function readContent(
  root: StoredManifest,
  get: GetManifest,
  place: string,
): Promise<ImageContent> {
  const reader = new ContentReader(get, place);
  const levels: StoredManifest[][] = [];
  let level: readonly Part[] = [{ descriptor: root.descriptor, manifest: root }];
  while (level.length > 0) {
    if (levels.length > LIMITS.depth) throw reader.tooMuch(`is nested more than ${LIMITS.depth} levels deep`);
    levels.push(level.map(({ manifest }) => manifest));
    level = await reader.below(level);
  }
  return { root, levels: levels.slice(1).reverse(), blobs: reader.blobs };
}

interface Part {
  readonly descriptor: Descriptor;
  readonly manifest: StoredManifest;
}

class ContentReader {
  readonly #get: GetManifest;
  readonly #place: string;
  readonly #limit = pLimit(PARALLEL);
  /** By digest. */
  readonly #manifests = new Map<string, Promise<StoredManifest>>();
  readonly #blobs = new Map<string, ContentBlob>();
  #bytes = 0;

  constructor(get: GetManifest, place: string) {
    this.#get = get;
    this.#place = place;
  }

  get blobs(): ContentBlob[] {
    return [...this.#blobs.values()];
  }

  /** The manifests that those of one level refer to, each once. */
  async below(level: readonly Part[]): Promise<Part[]> {
    const children = new Map<string, Descriptor>();
    for (const { descriptor, manifest } of level) {
      const what = `the manifest ${descriptor.digest} of ${this.#place}`;
      const parsed = parseManifest(manifest.bytes, descriptor.mediaType, what);
      if (parsed.kind === 'image') this.#addBlobs(parsed, descriptor);
      else for (const child of childrenOf(parsed)) children.set(child.digest, child);
    }
    // Before anything is asked for: a request that nobody waits for any more would fail unheard.
    if (this.#manifests.size + children.size > LIMITS.manifests) {
      throw this.tooMuch(`has more than ${LIMITS.manifests} manifests`);
    }
    return Promise.all(
      [...children.values()].map(async (descriptor) => ({
        descriptor,
        manifest: await this.#manifest(descriptor),
      })),
    );
  }

  tooMuch(how: string): NixpushError {
    return new NixpushError('ERR_FORMAT', `the index of ${this.#place} ${how}`);
  }

  #addBlobs({ config, layers }: ImageManifest, { platform }: Descriptor): void {
    const of = platform === undefined ? '' : ` of ${formatPlatform(platform)}`;
    for (const [number, layer] of layers.entries()) this.#addBlob(layer, `layer ${number + 1}${of}`);
    this.#addBlob(config, `config${of}`);
  }

  #addBlob(descriptor: Descriptor, what: string): void {
    if (isForeignType(descriptor.mediaType) || this.#blobs.has(descriptor.digest)) return;
    this.#blobs.set(descriptor.digest, { descriptor, what });
  }

  async #manifest(descriptor: Descriptor): Promise<StoredManifest> {
    const known = this.#manifests.get(descriptor.digest);
    if (known !== undefined) return known;
    const manifest = this.#limit(() => this.#read(descriptor));
    this.#manifests.set(descriptor.digest, manifest);
    return manifest;
  }

  async #read(descriptor: Descriptor): Promise<StoredManifest> {
    const { bytes } = await this.#get(descriptor);
    if (bytes.byteLength !== descriptor.size) {
      throw new NixpushError(
        'ERR_INTEGRITY',
        `${this.#place}: the manifest ${descriptor.digest} has ${bytes.byteLength} bytes, its index says ${descriptor.size}`,
        { digest: descriptor.digest },
      );
    }
    this.#bytes += bytes.byteLength;
    if (this.#bytes > LIMITS.manifestBytes) {
      throw this.tooMuch(`has more than ${LIMITS.manifestBytes} bytes of manifests`);
    }
    const { mediaType, digest, size } = descriptor;
    return { descriptor: { mediaType, digest, size }, bytes };
  }
}

function childrenOf({ manifests }: ImageIndex): readonly Descriptor[] {
  return manifests;
}
