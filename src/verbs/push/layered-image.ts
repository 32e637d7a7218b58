import { isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import { ociLayerType } from '../../image/layer-types.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../../stores/image-store.ts';
import { findImage } from '../read/find-image.ts';
import { layerHistories, readConfig, storePathsIn, type StoredConfig } from '../read/read-config.ts';

/** An image that is there, with what its manifest and config say of each layer. */
export interface LayeredImage {
  /** `the base image ghcr.io/x/demo@sha256:…`, for messages. */
  readonly what: string;
  /** Of the manifest for the platform. */
  readonly manifest: Digest;
  readonly config: StoredConfig;
  /** Lowest first. */
  readonly layers: readonly StoredLayer[];
}

export interface StoredLayer {
  /** The image's own, with the media type of an OCI layer. */
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** Store paths in it, as far as the image's history names them. */
  readonly paths: readonly string[];
}

/**
 * The image of `root` for the platform: index to manifest to config, each checked against its digest. No layer is read.
 * `what` says what it is for. Throws ERR_NOT_FOUND if there is none for the platform, ERR_INTEGRITY, ERR_FORMAT.
 */
export async function readLayeredImage(
  store: ImageStore,
  root: StoredManifest,
  { what: role, platform, ...reading }: { what: string; platform: Platform } & StoreOptions,
): Promise<LayeredImage> {
  const { digest, manifest } = await findImage(store, root, platform, reading);
  const what = `${role} ${store.name}@${digest}`;
  const config = await readConfig(store, manifest.config, reading);
  if (config === undefined)
    throw new NixpushError(
      'ERR_FORMAT',
      `${what} is no container image: its config is of type ${manifest.config.mediaType}`,
    );
  return { what, manifest: digest, config, layers: layersOf(manifest, config, what) };
}

function layersOf({ layers }: ImageManifest, config: StoredConfig, what: string): StoredLayer[] {
  const { diffIds } = config;
  if (diffIds.length !== layers.length)
    throw new NixpushError(
      'ERR_FORMAT',
      `${what} has ${layers.length} layers, but its config names ${diffIds.length}`,
    );
  const histories = layerHistories(config, layers.length);
  return layers.map(({ mediaType, digest, size, annotations }, at) => {
    const name = `layer ${at + 1} of ${what}`;
    const diffId = diffIds[at];
    if (!isDigest(diffId)) throw new NixpushError('ERR_FORMAT', `${name} has no valid diffID in the config`);
    return {
      descriptor: {
        mediaType: ociLayerType(mediaType, name),
        digest,
        size,
        ...(annotations !== undefined && { annotations }),
      },
      diffId,
      paths: storePathsIn(histories[at]?.comment),
    };
  });
}
