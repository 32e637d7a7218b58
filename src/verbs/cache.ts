import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ioError } from '../base/errors.ts';
import { cacheDirectory } from '../base/cache-directory.ts';

export interface CacheInfo {
  /** `$XDG_CACHE_HOME/nixpush`. */
  directory: string;
  parts: readonly CachePart[];
  /** Of all parts. */
  files: number;
  bytes: number;
}

export interface CachePart {
  /** The file's or directory's name below the cache directory. */
  name: string;
  /** What it is for. */
  purpose: string;
  files: number;
  bytes: number;
}

/** All that nixpush keeps for later runs. Each can be lost at any time: it is found out again. */
const PURPOSES: Readonly<Record<string, string>> = {
  recipes: 'layers made: digests and sizes by recipe',
  closures: 'what nix said of closures',
  listings: 'file names in store paths that were pushed',
  base: 'file names in base images',
  pushes: 'images of pushes, to know them again',
  history: 'how the layers of the last pushes were planned',
  'registries.json': 'what registries can do',
  uploads: 'uploads that broke off and can go on',
  mirrored: 'tags that were mirrored',
  compiled: 'nixpush itself, compiled for Node',
};

/** What is in the cache. Throws ERR_IO. */
export async function cacheInfo(): Promise<CacheInfo> {
  const directory = cacheDirectory();
  const names = await namesIn(directory);
  const parts = await Promise.all(
    names.map(async (name) => ({
      name,
      purpose: PURPOSES[name] ?? 'of another version of nixpush',
      ...(await measure(join(directory, name))),
    })),
  );
  const files = parts.reduce((sum, part) => sum + part.files, 0);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return { directory, parts, files, bytes };
}

/** Removes all of it; a process that runs at the same time goes on without. Returns what was there. Throws ERR_IO. */
export async function clearCache(): Promise<CacheInfo> {
  const info = await cacheInfo();
  try {
    for (const { name } of info.parts) await rm(join(info.directory, name), { recursive: true, force: true });
  } catch (error) {
    throw ioError(error, 'cannot clear the cache', info.directory);
  }
  return info;
}

/** Sorted. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw ioError(error, 'cannot read the cache', directory);
  }
}

async function measure(path: string): Promise<{ files: number; bytes: number }> {
  // Another process may have removed it meanwhile.
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return { files: 0, bytes: 0 };
  if (!stats.isDirectory()) return { files: 1, bytes: stats.size };
  const sizes = await Promise.all((await namesIn(path)).map((name) => measure(join(path, name))));
  return {
    files: sizes.reduce((sum, { files }) => sum + files, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
