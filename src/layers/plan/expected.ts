import type { Steps } from '../../base/steps.ts';
import { layerWeight, type ChangeModel } from './change-model.ts';
import { mergeLayers } from './merge-layers.ts';
import { movePaths } from './move-paths.ts';

/**
 * Layers that age well: at most `budget` layers of the given nodes, such that few bytes must be sent again after a
 * change somewhere in the closure. Nodes are numbered by name, so ties are broken by it and a rebuild, which changes
 * nothing but hashes, plans the same layers.
 */
export function* expectedLayers(
  model: ChangeModel,
  nodes: readonly number[],
  budget: number,
): Steps<number[][]> {
  const layers = yield* movePaths(model, yield* mergeLayers(model, nodes, budget));
  for (const layer of layers) layer.sort((a, b) => a - b);
  return layers;
}

/**
 * The least likely to change comes first: where a layer changes, Docker unpacks those above it again. What a layer's
 * closure is part of is above it.
 */
export function byStability(model: ChangeModel, layers: readonly number[][]): number[][] {
  return layers
    .map((layer) => ({ layer, weight: layerWeight(model, layer) }))
    .sort((a, b) => a.weight - b.weight || a.layer[0]! - b.layer[0]!)
    .map(({ layer }) => layer);
}
