import type { PathNode } from './closure.ts';

/** A store path and what it weighs. */
export interface PathSize {
  readonly path: string;
  /** Bytes of its own NAR. */
  readonly narSize: number;
  /** Bytes of the NARs of everything it refers to, itself included: what `nix path-info -S` shows. */
  readonly closureSize: number;
}

/** Own and total sizes of all paths, the smallest closure first; references to paths outside of `paths` do not count. */
export function closureSizes(paths: readonly PathNode[]): PathSize[] {
  const byPath = new Map(paths.map((path) => [path.path, path]));
  return paths
    .map(({ path, narSize }) => ({ path, narSize, closureSize: closureSize(path, byPath) }))
    .sort((a, b) => a.closureSize - b.closureSize || (a.path < b.path ? -1 : 1));
}

function closureSize(root: string, byPath: ReadonlyMap<string, PathNode>): number {
  const reached = new Set([root]);
  let size = 0;
  // The set grows while it is walked.
  for (const path of reached) {
    const { narSize, references } = byPath.get(path)!;
    size += narSize;
    for (const reference of references) if (byPath.has(reference)) reached.add(reference);
  }
  return size;
}
