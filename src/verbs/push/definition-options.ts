import { realpath } from 'node:fs/promises';
import { usageError } from '../../base/errors.ts';
import { readAt } from '../../base/read-at.ts';
import type { ImageDefinition } from '../../definitions/image-definition.ts';
import type { ImageInput } from '../../definitions/image-input.ts';
import { parseCreated } from '../../image/created.ts';
import type { Platform } from '../../image/descriptor.ts';
import { mergeImageConfig } from '../../image/image-config.ts';
import { platformOfSystem } from '../../image/nix-system.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../../image/platform.ts';
import { isStorePath, parseStorePath } from '../../nix/store-path.ts';
import { parseReference } from '../../stores/reference.ts';
import type { DefaultNames } from '../destination/destination.ts';
import type { PushOptions } from './push-options.ts';

export type DefinitionInput = ImageInput & { kind: 'definition' };

/** The definition that `--profile` stands for. */
export function profileOf(contents: readonly string[]): DefinitionInput {
  const definition: ImageDefinition = { nixpush: 1, tag: 'latest', contents, profile: true };
  return { kind: 'definition', name: 'the profile', file: '', definition };
}

/**
 * The options of a push with what the definition says where they say nothing themselves. Throws ERR_FORMAT with the
 * place in the definition, ERR_USAGE.
 */
export function definitionOptions(
  { definition, name: file }: DefinitionInput,
  options: PushOptions,
): PushOptions {
  const { fromImage, maxLayers, layers, created, config = {}, annotations } = definition;
  if (options.noLinks === true)
    throw usageError(
      '--no-links has no use with a definition',
      'Name no contents in it: what else it names is in the closure.',
    );
  const at = <T>(key: string, read: () => T): T => readAt(`${file}: ${key}`, read);
  if (created !== undefined) at('created', () => parseCreated(created));
  const platform = at(definition.architecture === undefined ? 'system' : 'architecture', () =>
    definedPlatform(definition),
  );
  return {
    ...(fromImage !== undefined && { from: at('fromImage', () => baseReference(fromImage)) }),
    ...(maxLayers !== undefined && { maxLayers }),
    ...(layers !== undefined && { layers }),
    ...(created !== undefined && { created }),
    ...(platform !== undefined && { platform: formatPlatform(platform) }),
    ...options,
    config: mergeImageConfig(config, options.config ?? {}),
    ...(annotations !== undefined && { annotations: { ...annotations, ...options.annotations } }),
  };
}

/**
 * What the image is called where a DEST does not say it: as with dockerTools, the tag is the hash of what was built.
 * Throws ERR_FORMAT for a name that no image can have.
 */
export async function definitionNames(input: DefinitionInput): Promise<DefaultNames> {
  const { tag: given, name: written } = input.definition;
  const tag = given ?? (await hashOf(input)) ?? 'latest';
  if (written === undefined) return { tag };
  const name = `${written.toLowerCase()}:${tag}`;
  readAt(`${input.name}: name`, () => parseReference(`docker://${name}`));
  return { tag, name };
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

async function hashOf({ file, definition }: DefinitionInput): Promise<string | undefined> {
  const path = await realpath(file).catch(() => file);
  const named = [path, ...(definition.contents ?? []), ...(definition.copyToRoot ?? [])];
  const built = named.find((each) => isStorePath(each));
  return built === undefined ? undefined : parseStorePath(built).hash;
}
