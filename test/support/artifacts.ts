import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import type { EncodedManifest } from '../../src/image/manifest.ts';
import { OCI_MANIFEST } from '../../src/image/media-types.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';

export interface ArtifactSpec {
  readonly type: string;
  readonly text: string;
  /** What it is about. */
  readonly subject?: Descriptor;
}

/** Writes an artifact of one blob (image-spec, guidelines for artifact usage): an SBOM, a signature. */
export async function putArtifact(
  store: ImageStore,
  { type, text, subject }: ArtifactSpec,
  ...tags: string[]
): Promise<EncodedManifest> {
  const empty = await store.putBlob(bytesSource('config', Buffer.from('{}')));
  const blob = await store.putBlob(bytesSource('artifact', Buffer.from(text)));
  const manifest = artifactManifest({
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: empty.digest, size: empty.size },
    layers: [{ mediaType: type, digest: blob.digest, size: blob.size }],
    artifactType: type,
    ...(subject && {
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    }),
    annotations: { text: text.slice(0, 20) },
  });
  await store.putManifest(manifest, tags);
  return manifest;
}

export function artifactManifest(content: object): EncodedManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...content }));
  return { descriptor: { mediaType: OCI_MANIFEST, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

/** As cosign names what is about an image: `sha256-<hex>.sig`. */
export function cosignTag({ digest }: Descriptor, suffix: string): string {
  return `${digest.replace(':', '-')}.${suffix}`;
}
