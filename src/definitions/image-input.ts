import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../base/errors.ts';
import { inSlices, stepwise } from '../base/steps.ts';
import type { TreeLocation } from '../nix/closure.ts';
import { DEFAULT_ROOT, resolveRoots } from '../nix/roots.ts';
import { locate } from '../nix/tree-location.ts';
import type { ImageDefinition } from './image-definition.ts';
import type { Nix2containerImage } from './nix2container-image.ts';
import type { StreamConfig } from './stream-config.ts';

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
  const found: ImageFile[] = [];
  const look = (each: ImageFile): void => {
    if (isFile(each.file)) found.push(each);
  };
  await inSlices(stepwise(files, look));
  for (const each of found) {
    // Loaded late: most pushes are of store paths, which are directories.
    const { imageInFile } = await import('./image-file.ts');
    const image = await imageInFile(each, trees);
    if (image === undefined) continue;
    if (files.length === 1) return image;
    throw usageError(`${each.name} is an image already`, 'Push it alone, and the other paths by themselves.');
  }
  return undefined;
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
