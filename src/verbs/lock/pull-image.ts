import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import { OCI_LAYER_ZSTD } from '../../image/media-types.ts';
import { formatPlatform } from '../../image/platform.ts';
import { decompress } from '../../layers/decompress.ts';
import {
  skopeoArchive,
  type SkopeoImage,
  type UncompressedLayer,
} from '../../stores/archive/skopeo-archive.ts';
import type { ImageStore, StoreOptions } from '../../stores/image-store.ts';
import { findImage } from '../read/find-image.ts';
import type { LockableReference } from './lock-file.ts';
import type { ProgressListener } from '../progress.ts';
import { readConfig, type StoredConfig } from '../read/read-config.ts';

/** What nixpkgs' `dockerTools.pullImage` wants, in its words, as `nix-prefetch-docker` prints it. */
export interface PullImageArguments {
  readonly imageName: string;
  readonly imageDigest: Digest;
  readonly finalImageName: string;
  readonly finalImageTag: string;
  readonly os: string;
  readonly arch: string;
  /** SRI, of the archive that skopeo writes for pullImage. */
  readonly hash: string;
}

/** Layers measured at the same time. */
const PARALLEL = 4;

export interface PullImageOptions extends StoreOptions {
  readonly digest: Digest;
  readonly platform: Platform;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * The arguments for one image. For the hash its layers go by, unpacked, twice: an archive says each one's size before
 * its bytes. Nothing is kept. Throws ERR_NOT_FOUND if there is no image for the platform, ERR_FORMAT, ERR_INTEGRITY.
 */
export async function pullImageArguments(
  store: ImageStore,
  { host, repository, tag }: LockableReference,
  options: PullImageOptions,
): Promise<PullImageArguments> {
  const { digest, platform } = options;
  const image = await findPullable(store, options);
  const name = `${host}/${repository}`;
  const hash = createHash('sha256');
  for await (const piece of skopeoArchive({ name, tag, ...(await contentOf(store, image, options)) }))
    hash.update(piece);
  // As everybody writes it, and nix-prefetch-docker prints it; skopeo spells it out in the archive.
  const imageName = name.replace(/^docker\.io\/(library\/)?/, '');
  return {
    imageName,
    imageDigest: digest,
    finalImageName: imageName,
    finalImageTag: tag,
    os: platform.os,
    arch: platform.architecture,
    hash: `sha256-${hash.digest('base64')}`,
  };
}

interface PullableImage {
  readonly manifest: ImageManifest;
  readonly config: StoredConfig;
  /** For messages. */
  readonly what: string;
}

/** The image that skopeo would choose, if it would take it. */
async function findPullable(
  store: ImageStore,
  { digest, platform, ...reading }: PullImageOptions,
): Promise<PullableImage> {
  const root = await store.getManifest(digest, reading);
  const { manifest } = await findImage(store, root, platform, reading);
  const what = `${store.name}@${digest}`;
  if (manifest.layers.some(({ mediaType }) => mediaType === OCI_LAYER_ZSTD))
    throw new NixpushError('ERR_FORMAT', `${what} has zstd layers, which dockerTools.pullImage cannot pull`, {
      hint: 'skopeo, which it calls, refuses them; nixpush push --from and nixpush copy do not.',
    });
  const config = await readConfig(store, manifest.config, reading);
  if (config === undefined) throw new NixpushError('ERR_FORMAT', `${what} is no container image`);
  const found = config.platform ?? platform;
  if (found.os === platform.os && found.architecture === platform.architecture)
    return { manifest, config, what };
  throw new NixpushError(
    'ERR_NOT_FOUND',
    `${what} is for ${formatPlatform(found)}, not for ${formatPlatform(platform)}`,
  );
}

async function contentOf(
  store: ImageStore,
  { manifest, config, what }: PullableImage,
  { onProgress, ...reading }: PullImageOptions,
): Promise<Pick<SkopeoImage, 'config' | 'layers'>> {
  const size = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  onProgress?.({ type: 'image-hash', image: what, size });
  const limit = pLimit(PARALLEL);
  const layers = await Promise.all(
    manifest.layers.map((layer, at) =>
      limit(() => measured(store, layer, { diffId: config.diffIds[at], what, ...reading })),
    ),
  );
  return { config: await bytesOf(store, manifest.config, reading), layers };
}

/** Goes through a layer once, for its size. */
async function measured(
  store: ImageStore,
  layer: Descriptor,
  { diffId, what, ...reading }: StoreOptions & { diffId: string | undefined; what: string },
): Promise<UncompressedLayer> {
  const open = (): AsyncIterable<Uint8Array> => decompress(store.getBlob(layer, reading));
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of open()) {
    hash.update(piece);
    size += piece.byteLength;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (isDigest(diffId) && diffId === found) return { diffId, size, open };
  throw new NixpushError(
    'ERR_INTEGRITY',
    `the layer ${layer.digest} of ${what} has the diffID ${found}, its config says ${diffId ?? 'nothing'}`,
    { digest: layer.digest },
  );
}

async function bytesOf(store: ImageStore, blob: Descriptor, reading: StoreOptions): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.getBlob(blob, reading)) pieces.push(piece);
  return Buffer.concat(pieces);
}
