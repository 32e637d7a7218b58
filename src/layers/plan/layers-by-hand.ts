import { NixpushError, usageError } from '../../base/errors.ts';
import type { Steps } from '../../base/steps.ts';
import type { ClosurePath } from '../../nix/closure.ts';
import type { ExplainedLayer } from './explain.ts';
import { byName, bySize, makeGraph } from './graph.ts';
import { groupedLayers } from './grouped.ts';
import { checkPipeline, type PipelineStep } from './pipeline-steps.ts';
import { pipelineLayers } from './pipeline.ts';

/** Layers that somebody has decided on: nixpkgs' `layeringPipeline`, or groups as nix2container's `layers`. */
export type LayersByHand = readonly PipelineStep[] | LayerGroups;

export interface LayerGroups {
  /**
   * For each layer, lowest first, the store paths or names that it is made for (`matchingNodes`). It holds their
   * closure, without what lower layers hold. What no group holds is planned by itself.
   */
  readonly groups: readonly (readonly string[])[];
}

/** Reads the JSON of a `--layers` file. Throws ERR_FORMAT that names `file` and the place in it. */
export function parseLayersByHand(text: string, file: string): LayersByHand {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${file} is not JSON`, { path: file, cause: error });
  }
  return checkLayersByHand(parsed, file);
}

/** As parseLayersByHand, of what is parsed already. */
export function checkLayersByHand(parsed: unknown, file: string): LayersByHand {
  if (Array.isArray(parsed)) {
    const steps: readonly unknown[] = parsed;
    checkPipeline(steps, file);
    return steps;
  }
  const { groups, ...others } = (parsed ?? {}) as Record<string, unknown>;
  if (Array.isArray(groups) && groups.every(isTexts) && Object.keys(others).length === 0) return { groups };
  throw new NixpushError('ERR_FORMAT', `${file} is neither a layering pipeline nor groups of store paths`, {
    path: file,
    hint: 'Write [["popularity_contest"], ["limit_layers", 80]] or {"groups": [["glibc"], ["python3*"]]}.',
  });
}

export interface DecidedLayers {
  /** Lowest first. */
  readonly layers: readonly ExplainedLayer[];
  /** Paths whose layers are still to be planned; they come on top. */
  readonly rest: readonly ClosurePath[];
}

/** Throws ERR_USAGE if there are more layers than `budget`, ERR_FORMAT for a pipeline that makes no sense. */
export function* decidedLayers(
  paths: readonly ClosurePath[],
  decided: LayersByHand,
  budget: number,
): Steps<DecidedLayers> {
  const { layers, rest } =
    'groups' in decided ? yield* layersOfGroups(paths, decided) : yield* layersOfPipeline(paths, decided);
  const needed = layers.length + (rest.length > 0 ? 1 : 0);
  if (needed > budget)
    throw usageError(
      `the layers that were decided on are ${layers.length}${rest.length > 0 ? ' and one for all other store paths' : ''}, but --max-layers leaves ${budget} for store paths`,
      'Raise it, or end a pipeline with ["limit_layers", N].',
    );
  return { layers, rest };
}

function* layersOfPipeline(
  paths: readonly ClosurePath[],
  steps: readonly PipelineStep[],
): Steps<DecidedLayers> {
  const graph = yield* makeGraph(paths, bySize);
  const layers = pipelineLayers(graph, steps).map((layer) => layer.map((node) => graph.paths[node]!));
  return { layers: layers.map((layer) => explained(layer, 'the layering pipeline')), rest: [] };
}

function* layersOfGroups(paths: readonly ClosurePath[], { groups }: LayerGroups): Steps<DecidedLayers> {
  const graph = yield* makeGraph(paths, byName);
  const { layers, rest } = groupedLayers(graph, groups);
  const left = new Set(rest.map((node) => graph.paths[node]!));
  return {
    layers: layers.map((layer) =>
      explained(
        layer.map((node) => graph.paths[node]!),
        'a group',
      ),
    ),
    rest: paths.filter(({ path }) => left.has(path)),
  };
}

function explained(paths: readonly string[], reason: string): ExplainedLayer {
  return { paths, origin: 'planned', reason };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
