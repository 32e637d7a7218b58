import { usageError } from '../../base/errors.ts';
import { atOnce, type Steps } from '../../base/steps.ts';
import type { ClosurePath } from '../../nix/closure.ts';
import { autoLayers } from './auto.ts';
import { changeModel } from './change-model.ts';
import { planAfter, unchangedLayers } from './earlier.ts';
import { byStability } from './expected.ts';
import { KEPT_REASON, plannedReason, type ExplainedLayer, type ExplainedPlan } from './explain.ts';
import { byName, makeGraph } from './graph.ts';
import { decidedLayers, type LayersByHand } from './layers-by-hand.ts';
import { popularityLayers } from './popularity.ts';
import { weightsOf, type LayerWeights } from './weights.ts';

export const LAYER_STRATEGIES = ['expected', 'auto', 'popularity'] as const;

/** `auto` is nixpkgs' present layering, `popularity` the one before; `expected` sends least again after changes. */
export type LayerStrategy = (typeof LAYER_STRATEGIES)[number];

export interface PlanOptions {
  strategy: LayerStrategy | LayersByHand;
  /** How many layers store paths may make: what the base image and the root layer leave of --max-layers. */
  budget: number;
  /** How often packages change, for `expected`; the others do not ask. */
  weights?: LayerWeights;
  /**
   * The layers of an earlier image as lists of store paths, for `expected`: those whose paths are all in the closure
   * stay as they are, unless that wastes too much.
   */
  earlier?: readonly (readonly string[])[];
}

/**
 * Which store path goes into which layer: lists of store paths, lowest layer first. Every path is in exactly one,
 * no layer is empty, and the result does not depend on the order of `paths`; with `auto` and `popularity` it is what
 * nixpkgs makes of the closure in path order, the order in which Nix exports it. References to paths outside of
 * `paths` do not count. Throws ERR_USAGE if there is no room for any layer.
 */
export function planLayers(paths: readonly ClosurePath[], options: PlanOptions): string[][] {
  return atOnce(explainLayers(paths, options)).layers.map((layer) => [...layer.paths]);
}

/** As `planLayers`, and says why each layer is as it is. In steps, as a closure of thousands of paths takes seconds. */
export function* explainLayers(paths: readonly ClosurePath[], options: PlanOptions): Steps<ExplainedPlan> {
  const { strategy, budget } = options;
  if (!Number.isSafeInteger(budget) || budget < 1) {
    throw usageError(
      'no layer is left for the store paths',
      'Give a higher --max-layers: the layers of the base image and the root layer count too.',
    );
  }
  if (paths.length === 0) return { layers: [], anew: undefined };
  if (strategy === 'expected') return yield* explainExpected(paths, options);
  if (typeof strategy === 'object') return yield* explainDecided(paths, strategy, options);
  const graph = yield* makeGraph(paths);
  const layers = strategy === 'auto' ? yield* autoLayers(graph, budget) : popularityLayers(graph, budget);
  const reason = strategy === 'auto' ? "nixpkgs' automatic layering" : "nixpkgs' popularity contest";
  return {
    layers: layers.map((layer) => ({
      paths: layer.map((node) => graph.paths[node]!),
      origin: 'planned',
      reason,
    })),
    anew: undefined,
  };
}

/** What nobody has decided on is planned in the layers that are left. */
function* explainDecided(
  paths: readonly ClosurePath[],
  decided: LayersByHand,
  options: PlanOptions,
): Steps<ExplainedPlan> {
  const { layers, rest } = yield* decidedLayers(paths, decided, options.budget);
  if (rest.length === 0) return { layers, anew: undefined };
  const planned = yield* explainExpected(rest, { ...options, budget: options.budget - layers.length });
  return { layers: [...layers, ...planned.layers], anew: planned.anew };
}

function* explainExpected(
  closure: readonly ClosurePath[],
  { budget, weights = new Map(), earlier = [] }: PlanOptions,
): Steps<ExplainedPlan> {
  const graph = yield* makeGraph(closure, byName);
  const { paths, narSizes } = graph;
  const nodes = new Map(paths.map((path, node) => [path, node]));
  const model = yield* changeModel(graph, weightsOf(paths, weights));

  const unchanged = unchangedLayers(earlier, nodes);
  const { layers, anew } = yield* planAfter(model, budget, unchanged);
  const known = new Set(unchanged.map(String));
  const explain = (layer: readonly number[]): ExplainedLayer => {
    const kept = known.has(String(layer));
    const inLayer = layer.map((node) => paths[node]!);
    const reason = kept ? KEPT_REASON : plannedReason(inLayer, (path) => narSizes[nodes.get(path)!]!);
    return { paths: inLayer, origin: kept ? 'kept' : 'planned', reason };
  };
  return { layers: byStability(model, layers).map(explain), anew };
}
