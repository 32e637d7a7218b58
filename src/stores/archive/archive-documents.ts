import { digestAlgorithm, digestHex, type Digest } from '../../base/digest.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import { orderedDescriptor } from '../../image/manifest.ts';
import { OCI_INDEX } from '../../image/media-types.ts';
import type { StoredManifest } from '../image-store.ts';
import { formatReference, parseReference } from '../reference.ts';

export interface ArchiveDocument {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where an archive keeps a blob, as Docker does since version 25: the layout's place for it. */
export function blobMember(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** The members of an archive that are not config or layers, in their order. */
export function archiveDocuments(
  manifest: StoredManifest,
  { config, layers }: ImageManifest,
  names: readonly string[],
): ArchiveDocument[] {
  const image = {
    Config: blobMember(config.digest),
    RepoTags: names,
    Layers: layers.map(({ digest }) => blobMember(digest)),
  };
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: indexEntries(manifest, names) };
  return [
    json('manifest.json', [image]),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    json('index.json', index),
    { name: blobMember(manifest.descriptor.digest), bytes: manifest.bytes },
  ];
}

/** One for each name, with the annotations by which Docker, containerd and podman find it. */
function indexEntries({ descriptor }: StoredManifest, names: readonly string[]): object[] {
  if (names.length === 0) return [orderedDescriptor(descriptor)];
  return names.map((name) => {
    const reference = parseReference(name);
    const annotations = {
      'io.containerd.image.name': formatReference(reference),
      'org.opencontainers.image.ref.name': reference.tag!,
    };
    return orderedDescriptor({ ...descriptor, annotations });
  });
}

function json(name: string, value: object): ArchiveDocument {
  return { name, bytes: Buffer.from(JSON.stringify(value)) };
}
