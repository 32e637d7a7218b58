import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ioError, NixpushError, usageError } from '../base/errors.ts';
import type { TreeLocation } from '../nix/closure.ts';
import { DEFAULT_ROOT, resolveRoots } from '../nix/roots.ts';
import { locate } from '../nix/tree-location.ts';
import { beginsLikeImageArchive } from './archive-file.ts';
import type { ImageDefinition } from './image-definition.ts';
import {
  isNix2containerImage,
  readNix2containerImage,
  type Nix2containerImage,
} from './nix2container-image.ts';
import { isDefinition, readDefinition } from './read-definition.ts';
import { isStreamConfig, readStreamConfig, streamConfigPath, type StreamConfig } from './stream-config.ts';

/** A file that is an image or describes one. */
export interface ImageFile {
  /** For messages: as the user named it, or its store path. */
  readonly name: string;
  /** Where it lies on this machine. */
  readonly file: string;
}

/** What a push is given. */
export type ImageInput =
  /** Store paths, which are to become an image. */
  | { readonly kind: 'store-paths'; readonly roots: readonly string[] }
  /** A description of ours. */
  | (ImageFile & { readonly kind: 'definition'; readonly definition: ImageDefinition })
  /** What dockerTools.streamLayeredImage makes. */
  | (ImageFile & { readonly kind: 'stream-config'; readonly config: StreamConfig })
  /** What nix2container's buildImage makes. */
  | (ImageFile & { readonly kind: 'nix2container'; readonly image: Nix2containerImage })
  /** What dockerTools.buildImage and buildLayeredImage make. */
  | (ImageFile & { readonly kind: 'docker-archive' });

export interface InputOptions {
  readonly trees: TreeLocation;
  /** What relative paths are relative to. Default: the process's. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** What is larger describes no image. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Looks at what the user named. A file that is an image or describes one, in the store or elsewhere, is pushed alone;
 * everything else must be store paths, as resolveRoots has them. Scripts are read, never run. Throws ERR_USAGE for an
 * image among other paths, ERR_FORMAT for a description with mistakes, and what resolveRoots throws.
 */
export async function readImageInput(inputs: readonly string[], options: InputOptions): Promise<ImageInput> {
  const { trees, cwd = process.cwd() } = options;
  const named = inputs.length > 0 ? inputs : [DEFAULT_ROOT];
  const files = named.map((name) => ({ name, file: resolve(cwd, name) }));
  const image = await onlyImage(files, trees);
  if (image !== undefined) return image;
  const roots = await resolveRoots(inputs, options);
  // A link may lead into a store that lies elsewhere, and a flake is built only now.
  const located = roots.map((root) => ({ name: root, file: locate(trees, root) }));
  return (await onlyImage(located, trees)) ?? { kind: 'store-paths', roots };
}

async function onlyImage(files: readonly ImageFile[], trees: TreeLocation): Promise<ImageInput | undefined> {
  for (const each of files) {
    const image = await imageIn(each, trees);
    if (image === undefined) continue;
    if (files.length === 1) return image;
    throw usageError(`${each.name} is an image already`, 'Push it alone, and the other paths by themselves.');
  }
  return undefined;
}

async function imageIn({ name, file }: ImageFile, trees: TreeLocation): Promise<ImageInput | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const start = await firstBytes(file);
  if (/^\s*\{/.test(start) && found.size <= MOST_BYTES)
    return imageInJson(await readText(file), { name, file });
  if (start.startsWith('#!') && found.size <= MOST_BYTES) return imageInScript(await readText(file), trees);
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
