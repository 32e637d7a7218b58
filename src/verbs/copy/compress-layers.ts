import { sha256, type Digest } from '../../base/digest.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { makeManifest, type ImageManifest } from '../../image/manifest.ts';
import { OCI_LAYER } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { Codec } from '../../layers/codec.ts';
import type { WorkerPool } from '../../layers/engine/pool.ts';
import { LayerBlob, type LayerFacts } from '../../layers/layer-blob.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { tarBlocks } from '../../layers/tar-blocks.ts';
import type { ImageStore, StoredManifest } from '../../stores/image-store.ts';
import { unchangedBlob, type BlobCopy, type CopyPlan } from './copy-plan.ts';
import { RECIPE_ANNOTATION } from '../../layers/recipe.ts';

export interface Compression {
  readonly codec: Codec;
  readonly pool: WorkerPool;
  /** What the same tars came to in earlier copies. */
  readonly cache: RecipeCache;
}

/**
 * A copy of one image, not an index, that compresses its uncompressed layers; undefined if it has none. Layers come in
 * their order, which is that of an archive.
 */
export async function planCompression(
  from: ImageStore,
  { bytes, descriptor }: StoredManifest,
  compression: Compression,
): Promise<CopyPlan | undefined> {
  const image = parseManifest(bytes, descriptor.mediaType, `the manifest of ${from.name}`) as ImageManifest;
  if (compression.codec.name === 'none' || !image.layers.some(isTar)) return undefined;
  const layers = new CompressedLayers(from, compression);
  await layers.recall(image.layers.filter(isTar));
  return {
    root: layers.isKnown(image) ? layers.manifest(image) : undefined,
    parts: async () => ({
      blobs: layers.blobs(image),
      manifests: () => ({ root: layers.manifest(image), levels: [] }),
    }),
  };
}

function isTar({ mediaType }: Descriptor): boolean {
  return mediaType === OCI_LAYER;
}

class CompressedLayers {
  readonly #from: ImageStore;
  readonly #compression: Compression;
  /** By the digest of the tar. */
  readonly #facts = new Map<Digest, LayerFacts>();

  constructor(from: ImageStore, compression: Compression) {
    this.#from = from;
    this.#compression = compression;
  }

  async recall(tars: readonly Descriptor[]): Promise<void> {
    for (const { digest } of tars) {
      const known = await this.#compression.cache.get(this.#key(digest));
      if (known?.diffId === digest) this.#facts.set(digest, known);
    }
  }

  isKnown({ layers }: ImageManifest): boolean {
    return layers.every((layer) => !isTar(layer) || this.#facts.has(layer.digest));
  }

  blobs({ layers, config }: ImageManifest): BlobCopy[] {
    const copies = new Map<Digest, BlobCopy>();
    for (const [at, layer] of layers.entries()) {
      const what = `layer ${at + 1}`;
      if (copies.has(layer.digest)) continue;
      copies.set(
        layer.digest,
        isTar(layer) ? this.#compressed(layer, what) : unchangedBlob(this.#from, layer, what),
      );
    }
    return [...copies.values(), unchangedBlob(this.#from, config, 'config')];
  }

  /** The image with compressed layers. */
  manifest({ config, layers, annotations }: ImageManifest): StoredManifest {
    return makeManifest({
      config,
      layers: layers.map((layer) => (isTar(layer) ? this.#descriptor(layer) : layer)),
      ...(annotations !== undefined && { annotations }),
    });
  }

  #compressed({ digest: diffId, size }: Descriptor, what: string): BlobCopy {
    const { pool, codec, cache } = this.#compression;
    return {
      what,
      digest: diffId,
      size,
      open: (onRead) => {
        const known = this.#facts.get(diffId);
        return new LayerBlob(pool, {
          what,
          codec,
          blocks: () => tarBlocks(this.#from.getBlob({ digest: diffId, size }), diffId, codec),
          ...(known !== undefined && { known }),
          onBlock: onRead,
          // Before any destination can have the whole layer: a copy that is killed then need not make it again.
          onMade: async (facts) => {
            this.#facts.set(diffId, facts);
            await cache.set(this.#key(diffId), facts);
          },
        });
      },
    };
  }

  /** A recipe names its codec, so one that was for the tar does not speak of the compressed layer. */
  #descriptor({ digest: diffId, annotations }: Descriptor): Descriptor {
    const { digest, size } = this.#facts.get(diffId)!;
    const { [RECIPE_ANNOTATION]: _, ...others } = annotations ?? {};
    return {
      mediaType: this.#compression.codec.mediaType,
      digest,
      size,
      ...(Object.keys(others).length > 0 && { annotations: others }),
    };
  }

  /** Of the cache; the first line versions it, as that of a recipe does. */
  #key(diffId: Digest): Digest {
    return sha256(`nixpush compressed tar 1\ncodec ${this.#compression.codec.id}\ntar ${diffId}\n`);
  }
}
