import { createHash } from 'node:crypto';
import { isDigest, type Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import { OCI_LAYER_ZSTD } from '../image/media-types.ts';
import { formatPlatform } from '../image/platform.ts';
import { decompress } from '../layers/decompress.ts';
import { skopeoArchive, type UncompressedLayer } from '../stores/archive/skopeo-archive.ts';
import type { ImageStore, StoreOptions } from '../stores/image-store.ts';
import { findImage } from './find-image.ts';
import type { LockableReference } from './lock-file.ts';
import type { ProgressListener } from './progress.ts';
import { readConfig } from './read-config.ts';

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
  { digest, platform, onProgress, ...reading }: PullImageOptions,
): Promise<PullImageArguments> {
  const root = await store.getManifest(digest, reading);
  const { manifest } = await findImage(store, root, platform, reading);
  const what = `${store.name}@${digest}`;
  if (manifest.layers.some(({ mediaType }) => mediaType === OCI_LAYER_ZSTD))
    throw new NixpushError('ERR_FORMAT', `${what} has zstd layers, which dockerTools.pullImage cannot pull`, {
      hint: 'skopeo, which it calls, refuses them; nixpush push --from and nixpush copy do not.',
    });
  const config = await readConfig(store, manifest.config, reading);
  if (config === undefined) throw new NixpushError('ERR_FORMAT', `${what} is no container image`);
  const { os, architecture: arch } = config.platform ?? platform;
  if (os !== platform.os || arch !== platform.architecture)
    throw new NixpushError(
      'ERR_NOT_FOUND',
      `${what} is for ${os}/${arch}, not for ${formatPlatform(platform)}`,
    );
  const size = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  onProgress?.({ type: 'image-hash', image: what, size });
  const layers: UncompressedLayer[] = [];
  for (const [at, layer] of manifest.layers.entries())
    layers.push(await uncompressed(store, layer, { diffId: config.diffIds[at], what, ...reading }));
  const name = `${host}/${repository}`;
  const hash = createHash('sha256');
  const archive = skopeoArchive({
    name,
    tag,
    config: await bytesOf(store, manifest.config, reading),
    layers,
  });
  for await (const piece of archive) hash.update(piece);
  // As everybody writes it, and nix-prefetch-docker prints it; skopeo spells it out in the archive.
  const imageName = name.replace(/^docker\.io\/(library\/)?/, '');
  return {
    imageName,
    imageDigest: digest,
    finalImageName: imageName,
    finalImageTag: tag,
    os,
    arch,
    hash: `sha256-${hash.digest('base64')}`,
  };
}

async function uncompressed(
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
