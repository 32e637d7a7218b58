import { isDigest, type Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import { baseHistory } from '../image/base-history.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import type { HistoryEntry } from '../image/history.ts';
import type { ImageConfig } from '../image/image-config.ts';
import { ociLayerType } from '../image/layer-types.ts';
import type { ImageManifest } from '../image/manifest.ts';
import { nearestPlatforms } from '../image/nearest-platform.ts';
import { formatPlatform } from '../image/platform.ts';
import type { ImageStore } from '../stores/image-store.ts';
import { formatReference, parseReference, type Reference } from '../stores/reference.ts';
import { findImage } from './find-image.ts';
import { manifestName } from './manifest-name.ts';
import { openImageStore, type OpenStoreOptions } from './open-store.ts';
import { layerHistories, readConfig, storePathsIn, type StoredConfig } from './read-config.ts';

/** The image that ours is made on. `store` is open until the caller closes it. */
export interface BaseImage {
  readonly store: ImageStore;
  /** `HOST/REPO@sha256:…`, of the image or index that was named. */
  readonly reference: string;
  /** Of the manifest for the platform. */
  readonly manifest: Digest;
  /** What our image runs on: the platform asked for, with the base's variant if none was. */
  readonly platform: Platform;
  readonly settings: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly BaseLayer[];
  readonly history: readonly HistoryEntry[];
  /** image-spec, annotations.md: `org.opencontainers.image.base.name` and `.digest`, where others can look there too. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface BaseLayer {
  /** The base's own, with the media type of an OCI layer. */
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** Store paths in it, as far as the base's history names them. */
  readonly paths: readonly string[];
}

export interface BaseImageOptions extends OpenStoreOptions {
  readonly platform: Platform;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks the base image up: index to platform, manifest, config, each checked against its digest. No layer is read.
 * Throws ERR_NOT_FOUND if there is none for the platform, ERR_INTEGRITY, ERR_FORMAT, and what the store throws.
 */
export async function openBaseImage(from: string, options: BaseImageOptions): Promise<BaseImage> {
  const reference = parseReference(from);
  const store = await openImageStore(reference, options);
  try {
    return await readBaseImage(from, reference, store, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function readBaseImage(
  from: string,
  reference: Reference,
  store: ImageStore,
  { platform, signal, onProgress }: BaseImageOptions,
): Promise<BaseImage> {
  const reading = signal === undefined ? {} : { signal };
  const root = await store.getManifest(manifestName(reference), reading);
  const pinned = root.descriptor.digest;
  if (reference.digest === undefined && reference.transport !== 'docker-archive')
    onProgress?.({
      type: 'warning',
      message: `--from ${from} is ${pinned} today; pin it with --from ${from}@${pinned}`,
    });
  const { digest, manifest } = await findImage(store, root, platform, reading);
  const what = `the base image ${store.name}@${digest}`;
  const config = await readConfig(store, manifest.config, reading);
  if (config === undefined)
    throw new NixpushError(
      'ERR_FORMAT',
      `${what} is no container image: its config is of type ${manifest.config.mediaType}`,
    );
  return {
    store,
    reference: `${store.name}@${pinned}`,
    manifest: digest,
    platform: checkedPlatform(config, platform, what),
    settings: config.settings,
    layers: baseLayers(manifest, config, what),
    history: baseHistory(config.history, manifest.layers.length),
    annotations: baseAnnotations(reference, pinned),
  };
}

/** The config has the last word: an index may be wrong, and a manifest alone says nothing. */
function checkedPlatform({ platform }: StoredConfig, wanted: Platform, what: string): Platform {
  if (platform === undefined)
    throw new NixpushError('ERR_FORMAT', `${what} does not say which platform it is for`);
  if (nearestPlatforms([{ platform }], wanted).length === 0)
    throw new NixpushError(
      'ERR_NOT_FOUND',
      `${what} is for ${formatPlatform(platform)}, not for ${formatPlatform(wanted)}`,
      { hint: 'Choose another base image, or the platform with --platform.' },
    );
  const variant = wanted.variant ?? platform.variant;
  return { ...wanted, ...(variant !== undefined && { variant }) };
}

function baseLayers({ layers }: ImageManifest, config: StoredConfig, what: string): BaseLayer[] {
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

/** What can be looked up by whoever has the image. A path of this machine is no such thing, and not reproducible. */
function baseAnnotations(reference: Reference, pinned: Digest): Record<string, string> {
  if (reference.transport === 'docker-archive') return {};
  const annotations = { 'org.opencontainers.image.base.digest': pinned };
  if (reference.transport === 'oci') return annotations;
  const { digest: _, ...named } = reference;
  // A digest alone must not be taken for `latest`.
  const name = reference.digest !== undefined && reference.tag === undefined ? reference : named;
  const tag = reference.tag ?? 'latest';
  return {
    'org.opencontainers.image.base.name': formatReference(name === reference ? name : { ...named, tag }),
    ...annotations,
  };
}
