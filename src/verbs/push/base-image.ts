import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { baseHistory } from '../../image/base-history.ts';
import type { Platform } from '../../image/descriptor.ts';
import type { HistoryEntry } from '../../image/history.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { nearestPlatforms } from '../../image/nearest-platform.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { formatReference, parseReference, type Reference } from '../../stores/reference.ts';
import { readLayeredImage, type StoredLayer } from './layered-image.ts';
import { lockedReference } from '../lock/lock-file.ts';
import { manifestName } from '../manifest-name.ts';
import { openImageStore, type OpenStoreOptions } from '../open-store.ts';
import type { StoredConfig } from '../read/read-config.ts';

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
  readonly layers: readonly StoredLayer[];
  readonly history: readonly HistoryEntry[];
  /** image-spec, annotations.md: `org.opencontainers.image.base.name` and `.digest`, where others can look there too. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface BaseImageOptions extends OpenStoreOptions {
  readonly platform: Platform;
  /** A file of `nixpush lock` that has the digest. */
  readonly lock?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks the base image up: index to platform, manifest, config, each checked against its digest. No layer is read.
 * Throws ERR_NOT_FOUND if there is none for the platform, ERR_INTEGRITY, ERR_FORMAT, and what the store throws.
 */
export async function openBaseImage(from: string, options: BaseImageOptions): Promise<BaseImage> {
  const reference = parseReference(
    options.lock === undefined ? from : await lockedReference(from, options.lock),
  );
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
  const image = await readLayeredImage(store, root, { what: 'the base image', platform, ...reading });
  const { config, layers } = image;
  return {
    store,
    reference: `${store.name}@${pinned}`,
    manifest: image.manifest,
    platform: checkedPlatform(config, platform, image.what),
    settings: config.settings,
    layers,
    history: baseHistory(config.history, layers.length),
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
