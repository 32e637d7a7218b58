import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { cacheDirectory } from '../layers/recipe-cache.ts';
import type { Closure, PathNode } from '../nix/closure.ts';
import { openClosureSource, type SourceOptions } from '../nix/open-source.ts';
import { resolveRoots } from '../nix/roots.ts';
import { parseReference } from '../stores/reference.ts';
import { findImage } from './find-image.ts';
import { readImageClosure } from './image-closure.ts';
import { manifestName } from './manifest-name.ts';
import { namesPath } from './names-path.ts';
import { openImageStore } from './open-store.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface ClosureOfOptions extends SourceOptions {
  registry?: RegistryAccess;
  /** `OS/ARCH[/VARIANT]`: which image of an index. Default: `linux/` and this machine's. */
  platform?: string;
  signal?: AbortSignal;
}

/** A closure as far as an image shows it, too. */
export interface ReadClosure {
  readonly roots: readonly string[];
  readonly paths: readonly PathNode[];
}

/**
 * The closure that `text` names: of a PATH as push takes it, or that in an image, for which all its layers are read;
 * the roots of an image are the store paths in it that no other refers to. Throws NixpushError.
 */
export async function closureOf(text: string, options: ClosureOfOptions): Promise<ReadClosure> {
  return namesPath(text) ? closureOfPath(text, options) : closureOfImage(text, options);
}

export async function closureOfPath(text: string, options: ClosureOfOptions): Promise<Closure> {
  const { signal } = options;
  const source = openClosureSource(options, cacheDirectory());
  const roots = await resolveRoots([text], { trees: source.trees, ...(signal && { signal }) });
  return source.closure(roots, signal);
}

async function closureOfImage(text: string, options: ClosureOfOptions): Promise<ReadClosure> {
  const { registry, platform, signal } = options;
  const reference = parseReference(text);
  const store = await openImageStore(reference, { ...(registry && { registry }), signal });
  const reading = signal === undefined ? {} : { signal };
  try {
    const root = await store.getManifest(manifestName(reference), reading);
    const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
    const { manifest } = await findImage(store, root, wanted, reading);
    const paths = await readImageClosure(store, manifest, reading);
    return { roots: rootsOf(paths), paths };
  } finally {
    await store.close();
  }
}

function rootsOf(paths: readonly PathNode[]): string[] {
  const used = new Set(paths.flatMap(({ references }) => references));
  return paths.flatMap(({ path }) => (used.has(path) ? [] : [path]));
}
