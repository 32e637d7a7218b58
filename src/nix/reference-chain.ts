import type { PathNode } from './closure.ts';

/**
 * The shortest way from any of the roots to `target` along references, both ends included; of several the one over
 * paths that sort first. undefined if there is none.
 */
export function referenceChain(
  roots: readonly string[],
  target: string,
  paths: readonly PathNode[],
): string[] | undefined {
  const byPath = new Map(paths.map((path) => [path.path, path]));
  /** From which path each was reached first. */
  const from = new Map<string, string | undefined>(roots.map((root) => [root, undefined]));
  // The map grows while it is walked, nearest first.
  for (const path of from.keys()) {
    if (path === target) return chainTo(target, from);
    for (const reference of byPath.get(path)?.references ?? []) {
      if (!from.has(reference)) from.set(reference, path);
    }
  }
  return undefined;
}

function chainTo(target: string, from: ReadonlyMap<string, string | undefined>): string[] {
  const chain: string[] = [];
  for (let path: string | undefined = target; path !== undefined; path = from.get(path)) chain.unshift(path);
  return chain;
}
