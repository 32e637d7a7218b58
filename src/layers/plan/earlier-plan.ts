import { sha256, type Digest } from '../../base/digest.ts';
import type { ClosurePath } from '../../nix/closure.ts';
import { KEPT_REASON, type ExplainedLayer } from './explain.ts';
import type { PlanOptions } from './plan.ts';

/** How an image's layers were planned before. */
export interface EarlierPlan {
  /** What that plan was made of, where it is known (`planInputs`). */
  readonly inputs?: Digest;
  /** Lists of store paths, lowest layer first. */
  readonly layers: readonly (readonly string[])[];
}

/** To be raised when any strategy comes to plan other layers. */
const PLANNER_VERSION = 1;

/** Stands for all that a plan depends on, but for the earlier image. `paths` in the closure's order. */
export function planInputs(paths: readonly ClosurePath[], options: PlanOptions): Digest {
  const { strategy, budget, weights = new Map<string, number>() } = options;
  const nodes = paths.map(({ path, narSize, references }) => [path, narSize, references]);
  return sha256(JSON.stringify([PLANNER_VERSION, strategy, budget, [...weights], nodes]));
}

/** The earlier plan itself, if it was made of the same; undefined if it must be planned. */
export function samePlan(
  earlier: EarlierPlan | undefined,
  inputs: Digest,
  paths: readonly ClosurePath[],
): ExplainedLayer[] | undefined {
  if (earlier?.inputs !== inputs) return undefined;
  const planned = earlier.layers.flat();
  const lacking = new Set(paths.map(({ path }) => path));
  for (const path of planned) lacking.delete(path);
  if (lacking.size > 0 || planned.length !== paths.length) return undefined;
  return earlier.layers.map((layer) => ({ paths: layer, origin: 'kept', reason: KEPT_REASON }));
}
