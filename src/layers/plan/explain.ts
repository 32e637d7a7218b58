import { storeName } from './graph.ts';

/** A layer, and why it is as it is, for `--dry-run`. */
export interface ExplainedLayer {
  /** Store paths, in the order in which they are in the layer. */
  readonly paths: readonly string[];
  /** `kept`: just as the earlier image has it, so there is nothing to send. */
  readonly origin: 'kept' | 'planned';
  /** `kept from the earlier image`, `3 paths that change together (glibc-2.36)`. */
  readonly reason: string;
}

export interface ExplainedPlan {
  /** Lowest first. */
  readonly layers: readonly ExplainedLayer[];
  /** Why the unchanged layers of the earlier image do not bind this plan; undefined if they do or there are none. */
  readonly anew: string | undefined;
}

export const KEPT_REASON = 'kept from the earlier image';

/** A layer of the expected strategy, named after its largest path. */
export function plannedReason(paths: readonly string[], narSize: (path: string) => number): string {
  const largest = paths.reduce((a, b) => (narSize(b) > narSize(a) ? b : a));
  const name = storeName(largest);
  return paths.length === 1
    ? `a layer of its own (${name})`
    : `${paths.length} paths that change together (${name})`;
}
