import { usageError } from '../../base/errors.ts';
import type { ClosurePath } from '../../nix/closure.ts';
import { autoLayers } from './auto.ts';
import { makeGraph } from './graph.ts';
import { popularityLayers } from './popularity.ts';

/** `auto` is nixpkgs' present layering, `popularity` the one before. */
export type LayerStrategy = 'auto' | 'popularity';

export interface PlanOptions {
  strategy: LayerStrategy;
  /** How many layers store paths may make: what the base image and the root layer leave of --max-layers. */
  budget: number;
}

/**
 * Which store path goes into which layer: lists of store paths, lowest layer first. Every path is in exactly one,
 * no layer is empty, and the result does not depend on the order of `paths`; it is what nixpkgs makes of the closure
 * in path order, the order in which Nix exports it. References to paths outside of `paths` do not count.
 * Throws ERR_USAGE if there is no room for any layer.
 */
export function planLayers(paths: readonly ClosurePath[], { strategy, budget }: PlanOptions): string[][] {
  if (!Number.isSafeInteger(budget) || budget < 1) {
    throw usageError(
      'no layer is left for the store paths',
      'Give a higher --max-layers: the layers of the base image and the root layer count too.',
    );
  }
  if (paths.length === 0) return [];
  const graph = makeGraph(paths);
  const layers = strategy === 'auto' ? autoLayers(graph, budget) : popularityLayers(graph, budget);
  return layers.map((layer) => layer.map((node) => graph.paths[node]!));
}
