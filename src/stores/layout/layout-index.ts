import { isDigest, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { orderedDescriptor } from '../../image/manifest.ts';
import { OCI_INDEX } from '../../image/media-types.ts';
import { isObject, parseDescriptor } from '../../image/parse-descriptor.ts';

/** The annotation that holds an entry's tag (image-spec, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Bytes. */
export const MAX_INDEX_BYTES: number = 16 * 1024 * 1024;

/** index.json with everything that others wrote into it; only `manifests` is looked at. */
export type LayoutIndex = Record<string, unknown> & { manifests: readonly IndexEntry[] };

/** An entry of index.json as it stands there, unknown properties included, so that it can be written back unchanged. */
export type IndexEntry = Record<string, unknown>;

export function emptyIndex(): LayoutIndex {
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
}

/** `what` names the file in messages. Throws ERR_FORMAT. */
export function parseIndex(bytes: Uint8Array, what: string): LayoutIndex {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${what} is not JSON`, { cause: error });
  }
  // Programs in Go write null for an empty list.
  const manifests = isObject(json) ? (json['manifests'] ?? []) : undefined;
  if (!isObject(json) || json['schemaVersion'] !== 2 || !Array.isArray(manifests) || 'layers' in json) {
    throw new NixpushError('ERR_FORMAT', `${what} is not an image index`);
  }
  for (const [position, entry] of manifests.entries())
    parseDescriptor(entry, `${what}: manifest ${position + 1}`);
  return { ...json, manifests: manifests as IndexEntry[] };
}

export function encodeIndex(index: LayoutIndex): Uint8Array {
  return Buffer.from(JSON.stringify(index));
}

export function tagOf(entry: IndexEntry): string | undefined {
  const { annotations } = entry;
  const name = isObject(annotations) ? annotations[REF_NAME] : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** The first entry with this tag, or with this digest. */
export function findEntry(index: LayoutIndex, reference: string): Descriptor | undefined {
  const matches = isDigest(reference)
    ? (entry: IndexEntry): boolean => entry['digest'] === reference
    : (entry: IndexEntry): boolean => tagOf(entry) === reference;
  const entry = index.manifests.find(matches);
  return entry === undefined ? undefined : parseDescriptor(entry, `index.json: ${reference}`);
}

/**
 * Moves the tag: its entry is replaced where it stands, or added at the end. Entries of other tags stay, also those
 * that point at the same manifest.
 */
export function withTag(index: LayoutIndex, descriptor: Descriptor, tag: string): LayoutIndex {
  const entry = orderedDescriptor({
    ...descriptor,
    annotations: { ...descriptor.annotations, [REF_NAME]: tag },
  }) as IndexEntry;
  const position = index.manifests.findIndex((old) => tagOf(old) === tag);
  if (position < 0) return { ...index, manifests: [...index.manifests, entry] };
  const manifests = index.manifests.filter((old, at) => at === position || tagOf(old) !== tag);
  manifests[position] = entry;
  return { ...index, manifests };
}

/** Keeps a manifest without a tag reachable, unless an entry leads to it already. */
export function withUntagged(index: LayoutIndex, descriptor: Descriptor): LayoutIndex {
  if (index.manifests.some((entry) => (entry['digest'] as Digest) === descriptor.digest)) return index;
  return { ...index, manifests: [...index.manifests, orderedDescriptor(descriptor) as IndexEntry] };
}
