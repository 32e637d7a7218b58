import { realpath } from 'node:fs/promises';
import { NixpushError } from '../base/errors.ts';
import type { ImageDefinition } from '../definitions/image-definition.ts';
import type { ImageInput } from '../definitions/image-input.ts';
import { parseCreated } from '../image/created.ts';
import type { Platform } from '../image/descriptor.ts';
import { mergeImageConfig } from '../image/image-config.ts';
import { platformOfSystem } from '../image/nix-system.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../image/platform.ts';
import { isStorePath, parseStorePath } from '../nix/store-path.ts';
import { formatReference, parseReference } from '../stores/reference.ts';
import type { PushOptions } from './push.ts';

export type DefinitionInput = ImageInput & { kind: 'definition' };

/**
 * The options of a push with what the definition says where they say nothing themselves. Throws ERR_FORMAT with the
 * place in the definition, ERR_USAGE for a destination that is none.
 */
export async function definitionOptions(input: DefinitionInput, options: PushOptions): Promise<PushOptions> {
  const { definition, name: file } = input;
  const { fromImage, maxLayers, layers, created, config = {}, annotations } = definition;
  const at = <T>(key: string, read: () => T): T => readAt(`${file}: ${key}`, read);
  if (created !== undefined) at('created', () => parseCreated(created));
  const platform = at('system', () => definedPlatform(definition));
  const tag = definition.tag ?? (await hashOf(input));
  return {
    ...(fromImage !== undefined && { from: at('fromImage', () => baseReference(fromImage)) }),
    ...(maxLayers !== undefined && { maxLayers }),
    ...(layers !== undefined && { layers }),
    ...(created !== undefined && { created }),
    ...(platform !== undefined && { platform: formatPlatform(platform) }),
    ...options,
    to: options.to.map((text) => destination(text, definition.name, tag)),
    config: mergeImageConfig(config, options.config ?? {}),
    ...(annotations !== undefined && { annotations: { ...annotations, ...options.annotations } }),
  };
}

/** Seconds since 1970. Throws ERR_FORMAT. */
export function definitionTime({ mtime }: ImageDefinition, file: string): number {
  return Math.floor(Date.parse(readAt(`${file}: mtime`, () => parseCreated(mtime))) / 1000);
}

function definedPlatform({ system, architecture, variant }: ImageDefinition): Platform | undefined {
  if (system === undefined && architecture === undefined && variant === undefined) return undefined;
  const ofSystem = system === undefined ? hostPlatform() : platformOfSystem(system);
  const named = architecture === undefined ? ofSystem : { os: ofSystem.os, architecture };
  return parsePlatform(formatPlatform({ ...named, ...(variant !== undefined && { variant }) }));
}

/** dockerTools' `fromImage` is the path of an archive. */
function baseReference(fromImage: string): string {
  const from = fromImage.startsWith('/') ? `docker-archive:${fromImage}` : fromImage;
  parseReference(from);
  return from;
}

/** dockerTools' default tag: the hash of what was built. */
async function hashOf({ file, definition }: DefinitionInput): Promise<string | undefined> {
  const path = await realpath(file).catch(() => file);
  const named = [path, ...(definition.contents ?? []), ...(definition.copyToRoot ?? [])];
  const built = named.find((each) => isStorePath(each));
  return built === undefined ? undefined : parseStorePath(built).hash;
}

/** Where no tag is named, the definition's; a destination that ends with a slash gets the definition's name as well. */
function destination(text: string, name: string | undefined, tag: string | undefined): string {
  const reference = parseReference(
    text.endsWith('/') && name !== undefined ? text + name.toLowerCase() : text,
  );
  if (reference.transport === 'docker-archive') {
    if (reference.image !== undefined || name === undefined) return text;
    return formatReference({ ...reference, image: `${name.toLowerCase()}:${tag ?? 'latest'}` });
  }
  if (reference.tag !== undefined || reference.digest !== undefined || tag === undefined)
    return formatReference(reference);
  return formatReference({ ...reference, tag });
}

/** Mistakes in a definition are no mistakes of whoever typed the command. */
function readAt<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NixpushError)) throw error;
    throw new NixpushError('ERR_FORMAT', `${where}: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}
