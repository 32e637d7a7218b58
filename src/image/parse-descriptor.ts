import { parseDigest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import type { Descriptor, Platform } from './descriptor.ts';

/** RFC 6838, section 4.2, as image-spec's descriptor.md has it. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/**
 * A descriptor read from elsewhere, checked before its digest becomes a path or its size a buffer. Properties that
 * image-spec does not know are dropped. `what` names it in messages: "manifest of x, layer 3". Throws ERR_FORMAT.
 */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isObject(value)) throw formatError(what, 'is not a descriptor');
  const { mediaType, digest, size, annotations, platform, artifactType, urls, data } = value;
  if (!isMediaType(mediaType)) throw formatError(what, 'has no valid media type');
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw formatError(what, 'has no valid size');
  return {
    mediaType,
    digest: parseDigest(digest, what),
    size: size as number,
    ...(platform === undefined ? {} : { platform: parsePlatformObject(platform, what) }),
    ...(annotations === undefined ? {} : { annotations: parseAnnotations(annotations, what) }),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(isStrings(urls) ? { urls } : {}),
    ...(typeof data === 'string' ? { data } : {}),
  };
}

/** Throws ERR_FORMAT. null is read as none, since programs in Go write it for a nil map. */
export function parseAnnotations(value: unknown, what: string): Record<string, string> {
  if (value === null) return {};
  if (!isObject(value) || !isStrings(Object.values(value))) {
    throw formatError(what, 'has annotations that are not strings');
  }
  return value as Record<string, string>;
}

export function isMediaType(value: unknown): value is string {
  return typeof value === 'string' && MEDIA_TYPE.test(value);
}

function parsePlatformObject(value: unknown, what: string): Platform {
  const isPlatform =
    isObject(value) && typeof value['os'] === 'string' && typeof value['architecture'] === 'string';
  if (!isPlatform) throw formatError(what, 'has a platform without os or architecture');
  const { os, architecture, variant } = value as unknown as Platform;
  return {
    os,
    architecture,
    ...(typeof variant === 'string' ? { variant } : {}),
    ...(typeof value['os.version'] === 'string' ? { 'os.version': value['os.version'] } : {}),
    ...(isStrings(value['os.features']) ? { 'os.features': value['os.features'] } : {}),
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function formatError(what: string, wrong: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${what} ${wrong}`);
}
