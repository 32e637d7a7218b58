import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { ioError, NixpushError } from '../base/errors.ts';
import type { TreeLocation } from '../nix/closure.ts';
import { locate } from '../nix/tree-location.ts';
import { beginsLikeImageArchive } from './archive-file.ts';
import type { ImageFile, ImageInput } from './image-input.ts';
import { isNix2containerImage, readNix2containerImage } from './nix2container-image.ts';
import { isDefinition, readDefinition } from './read-definition.ts';
import { isStreamConfig, readStreamConfig, streamConfigPath } from './stream-config.ts';

/** What is larger describes no image. */
const MOST_BYTES = 64 * 2 ** 20;

/** The image that a file is or describes; undefined if it is no such thing. Throws ERR_FORMAT for a description with mistakes. */
export async function imageInFile(
  { name, file }: ImageFile,
  trees: TreeLocation,
): Promise<ImageInput | undefined> {
  const { size } = await stat(file);
  const start = await firstBytes(file);
  if (/^\s*\{/.test(start) && size <= MOST_BYTES) return imageInJson(await readText(file), { name, file });
  if (start.startsWith('#!') && size <= MOST_BYTES) return imageInScript(await readText(file), trees);
  const isArchive = await beginsLikeImageArchive(createReadStream(file));
  return isArchive ? { kind: 'docker-archive', name, file } : undefined;
}

async function imageInScript(script: string, trees: TreeLocation): Promise<ImageInput | undefined> {
  const path = streamConfigPath(script);
  if (path === undefined) return undefined;
  const file = locate(trees, path);
  // Scripts of other kinds have JSON files, too.
  const image = await imageInJson(await readText(file), { name: path, file });
  return image?.kind === 'stream-config' ? image : undefined;
}

async function imageInJson(text: string, { name, file }: ImageFile): Promise<ImageInput | undefined> {
  const document = parseObject(text, name);
  if (document === undefined) return undefined;
  if (isStreamConfig(document))
    return { kind: 'stream-config', name, file, config: await readStreamConfig(document, name) };
  if (isNix2containerImage(document))
    return { kind: 'nix2container', name, file, image: await readNix2containerImage(document, name) };
  if (isDefinition(document))
    return { kind: 'definition', name, file, definition: await readDefinition(document, name) };
  return undefined;
}

/** Whoever writes a definition by hand forgets a comma; any other file may be whatever it likes. */
function parseObject(text: string, name: string): object | undefined {
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    if (!/"nixpush"\s*:/.test(text)) return undefined;
    throw new NixpushError('ERR_FORMAT', `${name} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function firstBytes(file: string): Promise<string> {
  for await (const piece of createReadStream(file, { end: 63 })) return (piece as Buffer).toString('latin1');
  return '';
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, 'cannot read', file);
  }
}
