import { sha256 } from '../base/digest.ts';
import type { Descriptor } from './descriptor.ts';
import { OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import { sorted } from './sorted.ts';

/** An image manifest (image-spec, manifest.md), or Docker's schema 2, which has the same form. */
export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image index (image-spec, image-index.md), or Docker's manifest list. */
export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ManifestInput {
  config: Descriptor;
  /** Lowest first. */
  layers: readonly Descriptor[];
  annotations?: Readonly<Record<string, string>>;
}

/** A manifest as it is stored; `bytes` are what `descriptor.digest` is the digest of. */
export interface EncodedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

/** An OCI image manifest: equal input gives equal bytes, keys in a fixed order, no whitespace. */
export function makeManifest({ config, layers, annotations }: ManifestInput): EncodedManifest {
  return encode(OCI_MANIFEST, {
    config: orderedDescriptor(config),
    layers: layers.map(orderedDescriptor),
    annotations: annotations === undefined ? undefined : sorted(annotations),
  });
}

export interface IndexInput {
  /** Each with its platform, in the order in which engines try them. */
  manifests: readonly Descriptor[];
  annotations?: Readonly<Record<string, string>>;
}

/** An OCI image index, by the same rules. */
export function makeIndex({ manifests, annotations }: IndexInput): EncodedManifest {
  return encode(OCI_INDEX, {
    manifests: manifests.map(orderedDescriptor),
    annotations: annotations === undefined ? undefined : sorted(annotations),
  });
}

function encode(mediaType: string, content: object): EncodedManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

/** Keys in the order of image-spec's descriptor.md; absent ones stay absent. */
export function orderedDescriptor(descriptor: Descriptor): object {
  const { mediaType, digest, size, urls, annotations, data, artifactType, platform } = descriptor;
  return {
    mediaType,
    digest,
    size,
    urls,
    annotations: annotations === undefined ? undefined : sorted(annotations),
    data,
    artifactType,
    platform,
  };
}
