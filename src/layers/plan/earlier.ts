import type { Steps } from '../../base/steps.ts';
import { expectedBytes, type ChangeModel } from './change-model.ts';
import { expectedLayers } from './expected.ts';

/**
 * Kept layers are given up when they let changes cost this many times what they would with all planned anew. Chosen
 * by simulation (docs/layers.md): lower sends whole images for little, higher lets waste pile up.
 */
export const WASTE_LIMIT = 1.25;

export interface PlanAfter {
  readonly layers: number[][];
  /** Why the unchanged layers could not stay; undefined if they did. */
  readonly anew: string | undefined;
}

/** Those layers, as nodes, whose paths are all still in the closure; of layers that share a path, which no plan makes, the first. */
export function unchangedLayers(
  earlier: readonly (readonly string[])[],
  nodes: ReadonlyMap<string, number>,
): number[][] {
  const taken = new Set<number>();
  return earlier.flatMap((paths) => {
    const layer = paths.map((path) => nodes.get(path)).filter((node) => node !== undefined);
    const free = layer.filter((node) => !taken.has(node));
    if (layer.length === 0 || new Set(free).size !== paths.length) return [];
    free.forEach((node) => taken.add(node));
    return [layer];
  });
}

/**
 * A plan for a closure whose earlier image is known. `earlier` are its unchanged layers: they stay as they are, and
 * only the rest is planned, in the layers they leave of the budget. Unless these are too few, or the waste passes the
 * limit: then all is planned anew.
 */
export function* planAfter(
  model: ChangeModel,
  budget: number,
  earlier: readonly number[][],
  wasteLimit: number = WASTE_LIMIT,
): Steps<PlanAfter> {
  const all = model.closures.map((_, node) => node);
  const fresh = yield* expectedLayers(model, all, budget);
  if (earlier.length === 0) return { layers: fresh, anew: undefined };

  const kept = new Set(earlier.flat());
  const rest = all.filter((node) => !kept.has(node));
  const left = budget - earlier.length;
  if (left < Math.min(1, rest.length)) {
    return { layers: fresh, anew: `keeping what is unchanged would use up all ${budget} layers` };
  }
  const layers = [...earlier, ...(yield* expectedLayers(model, rest, left))];
  const waste = expectedBytes(model, layers) / expectedBytes(model, fresh);
  if (waste > wasteLimit) {
    const percent = Math.round((waste - 1) * 100);
    return {
      layers: fresh,
      anew: `keeping what is unchanged would make later changes cost ${percent} % more`,
    };
  }
  return { layers, anew: undefined };
}
