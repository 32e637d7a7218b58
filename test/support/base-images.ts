import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor, Platform } from '../../src/image/descriptor.ts';
import type { HistoryEntry } from '../../src/image/history.ts';
import type { EncodedManifest } from '../../src/image/manifest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../src/image/media-types.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';

/** What a layer's tar holds: `null` is a directory, a string a file, a link has its target. */
export interface BaseFiles {
  readonly [name: string]: string | Uint8Array | null | BaseLink | BaseFile;
}

export interface BaseLink {
  readonly link: string;
}

export interface BaseFile {
  readonly mode: number;
  readonly uid?: number;
  readonly content: string | Uint8Array | null;
}

/** Entries in the order written, names as they are. */
export async function baseTar(files: BaseFiles): Promise<Buffer> {
  const tar = pack();
  for (const [name, file] of Object.entries(files)) {
    if (isLink(file)) {
      tar.entry({ name, type: 'symlink', linkname: file.link, mode: 0o777 });
      continue;
    }
    const { content, mode, uid = 0 } = isPlain(file) ? { content: file, mode: 0o755 } : file;
    if (content === null) tar.entry({ name, type: 'directory', mode, uid, gid: uid });
    else tar.entry({ name, mode, uid, gid: uid, type: 'file' }, content as string);
  }
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

function isLink(file: BaseFiles[string]): file is BaseLink {
  return typeof file === 'object' && file !== null && 'link' in file;
}

function isPlain(file: BaseFiles[string]): file is string | Uint8Array | null {
  return file === null || typeof file === 'string' || file instanceof Uint8Array;
}

export interface BaseImageSpec {
  /** Lowest first: files, or a tar. */
  readonly layers: readonly (BaseFiles | Buffer)[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly history?: readonly HistoryEntry[];
  readonly platform?: Platform;
  /** Docker's media types in place of OCI's. */
  readonly docker?: boolean;
  /** Over what the config of the image would be otherwise. */
  readonly document?: Readonly<Record<string, unknown>>;
  /** Of each layer's descriptor. */
  readonly layer?: (descriptor: Descriptor, at: number) => Descriptor;
}

/** Writes an image of gzip layers as other tools make them, and gives its manifest. */
export async function putBaseImage(
  store: ImageStore,
  spec: BaseImageSpec,
  ...tags: string[]
): Promise<EncodedManifest & { layers: readonly Descriptor[]; diffIds: readonly string[] }> {
  const tars = await Promise.all(
    spec.layers.map(async (layer) => (Buffer.isBuffer(layer) ? layer : baseTar(layer))),
  );
  const layers: Descriptor[] = [];
  for (const [at, tar] of tars.entries()) {
    const { digest, size } = await store.putBlob(bytesSource('layer', gzipSync(tar)));
    const mediaType = spec.docker === true ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP;
    const descriptor: Descriptor = { mediaType, digest, size };
    layers.push(spec.layer?.(descriptor, at) ?? descriptor);
  }
  const diffIds = tars.map(sha256);
  const document = {
    ...(spec.platform ?? { os: 'linux', architecture: 'amd64' }),
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(spec.history !== undefined && { history: spec.history }),
    ...spec.document,
  };
  const config = await store.putBlob(bytesSource('config', Buffer.from(JSON.stringify(document))));
  const manifest = encoded(spec.docker === true ? DOCKER_MANIFEST : OCI_MANIFEST, {
    config: {
      mediaType: spec.docker === true ? DOCKER_CONFIG : OCI_CONFIG,
      digest: config.digest,
      size: config.size,
    },
    layers,
  });
  await store.putManifest(manifest, tags);
  return { ...manifest, layers, diffIds };
}

/** Writes an index of manifests that are there. */
export async function putIndex(
  store: ImageStore,
  manifests: readonly Descriptor[],
  ...tags: string[]
): Promise<EncodedManifest> {
  const index = encoded(OCI_INDEX, { manifests });
  await store.putManifest(index, tags);
  return index;
}

function encoded(mediaType: string, content: object): EncodedManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}
