import { NixpushError } from '../base/errors.ts';
import type { Descriptor } from './descriptor.ts';
import type { ImageIndex, ImageManifest } from './manifest.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, isIndexType, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import { isObject, parseAnnotations, parseDescriptor } from './parse-descriptor.ts';

/** Bytes of a manifest; registries refuse more than 4 MiB. */
export const MAX_MANIFEST_BYTES: number = 8 * 1024 * 1024;

/** Far above what engines can use (about 127 layers), far below what would fill memory. */
const MAX_DESCRIPTORS = 20_000;

/**
 * A manifest or index read from elsewhere. The bytes' digest has been checked by who fetched them. `mediaType` is the
 * one outside: of the descriptor or the Content-Type; undefined if nothing said it. `what` names it in messages.
 * A document that could be read as a manifest by one program and as an index by another is refused (CVE-2021-41190).
 * Throws ERR_FORMAT.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string | undefined,
  what: string,
): ImageManifest | ImageIndex {
  const json = parseDocument(bytes, what);
  const type = manifestType(json, mediaType, what);
  const common = {
    mediaType: type,
    ...(typeof json['artifactType'] === 'string' ? { artifactType: json['artifactType'] } : {}),
    ...(isObject(json['subject']) ? { subject: parseDescriptor(json['subject'], `${what}: subject`) } : {}),
    ...(json['annotations'] === undefined
      ? {}
      : { annotations: parseAnnotations(json['annotations'], what) }),
  };
  if (isIndexType(type)) {
    return { kind: 'index', ...common, manifests: parseDescriptors(json['manifests'], `${what}: manifest`) };
  }
  return {
    kind: 'image',
    ...common,
    config: parseDescriptor(json['config'], `${what}: config`),
    layers: parseDescriptors(json['layers'], `${what}: layer`),
  };
}

/**
 * The media type of a manifest: inside and outside must agree; the form decides if neither says anything.
 * Throws ERR_FORMAT.
 */
function manifestType(json: Record<string, unknown>, outside: string | undefined, what: string): string {
  const inside = json['mediaType'];
  if (inside !== undefined && outside !== undefined && inside !== outside) {
    throw formatError(what, `says it is ${JSON.stringify(inside)}, but was announced as ${outside}`);
  }
  const { isImage, isIndex } = shape(json);
  if (isImage === isIndex) {
    throw formatError(what, isImage ? 'has both layers and manifests' : 'has neither layers nor manifests');
  }
  const type = inside ?? outside ?? (isIndex ? OCI_INDEX : OCI_MANIFEST);
  const known = isIndex ? [OCI_INDEX, DOCKER_INDEX] : [OCI_MANIFEST, DOCKER_MANIFEST];
  if (!known.includes(type as string)) {
    throw formatError(
      what,
      `has the form of an ${isIndex ? 'index' : 'image'}, but the type ${JSON.stringify(type)}`,
    );
  }
  return type as string;
}

/** Compared without case, as programs in Go read keys. */
function shape(json: Record<string, unknown>): { isImage: boolean; isIndex: boolean } {
  const keys = new Set(Object.keys(json).map((key) => key.toLowerCase()));
  return { isImage: keys.has('layers') || keys.has('config'), isIndex: keys.has('manifests') };
}

function parseDocument(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw formatError(what, `is larger than ${MAX_MANIFEST_BYTES} bytes`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${what} is not JSON`, { cause: error });
  }
  if (!isObject(json)) throw formatError(what, 'is not a JSON object');
  if (json['schemaVersion'] === 1) {
    throw new NixpushError('ERR_FORMAT', `${what} is a Docker schema 1 manifest, which is not supported`, {
      hint: 'Push the image again with a current tool.',
    });
  }
  if (json['schemaVersion'] !== 2) throw formatError(what, 'has no schemaVersion 2');
  return json;
}

function parseDescriptors(value: unknown, what: string): Descriptor[] {
  if (!Array.isArray(value)) throw formatError(`${what}s`, 'are not a list');
  if (value.length > MAX_DESCRIPTORS) throw formatError(`${what}s`, `are more than ${MAX_DESCRIPTORS}`);
  return value.map((item, index) => parseDescriptor(item, `${what} ${index + 1}`));
}

function formatError(what: string, wrong: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${what} ${wrong}`);
}
