import { NixpushError } from '../../base/errors.ts';
import { isObject } from '../../image/parse-descriptor.ts';
import { LIMITS } from './limits.ts';

/** An image of an archive's manifest.json: names of members and of the image. */
export interface ArchiveImage {
  readonly config: string;
  /** Lowest first. */
  readonly layers: readonly string[];
  /** `hello:1.0`. */
  readonly names: readonly string[];
}

/** manifest.json as `docker save` writes it. Throws ERR_FORMAT. */
export function parseDockerManifest(text: string, what: string): ArchiveImage[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${what} is not JSON`, { cause: error });
  }
  if (!Array.isArray(json)) throw new NixpushError('ERR_FORMAT', `${what} is not a list of images`);
  if (json.length > LIMITS.images)
    throw new NixpushError('ERR_FORMAT', `${what} has more than ${LIMITS.images} images`);
  return json.map((image, at) => parseImage(image, `${what}: image ${at}`));
}

function parseImage(image: unknown, what: string): ArchiveImage {
  const { Config: config, Layers: layers, RepoTags: names } = isObject(image) ? image : {};
  // Programs in Go write null for an empty list.
  const isImage = typeof config === 'string' && isStrings(layers ?? []) && isStrings(names ?? []);
  if (!isImage) throw new NixpushError('ERR_FORMAT', `${what} has no Config and Layers`);
  const list = (layers ?? []) as string[];
  if (list.length > LIMITS.layersOfImage)
    throw new NixpushError('ERR_FORMAT', `${what} has more than ${LIMITS.layersOfImage} layers`);
  return { config, layers: list, names: (names ?? []) as string[] };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
