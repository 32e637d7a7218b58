import { reach, type Graph } from './graph.ts';
import { matchingNodes } from './path-patterns.ts';

export interface GroupedLayers {
  /** One for each group that holds anything, in their order. */
  readonly layers: number[][];
  /** What is in none of them. */
  readonly rest: number[];
}

/** Each group's closure, without what groups before it hold: the meaning of nix2container's `layers`. */
export function groupedLayers(graph: Graph, groups: readonly (readonly string[])[]): GroupedLayers {
  const taken = new Set<number>();
  const layers = groups.map((patterns) => {
    const closure = reach(matchingNodes(graph, patterns), graph.references);
    const layer = closure.filter((node) => !taken.has(node)).sort((a, b) => a - b);
    for (const node of layer) taken.add(node);
    return layer;
  });
  return {
    layers: layers.filter((layer) => layer.length > 0),
    rest: graph.paths.map((_, node) => node).filter((node) => !taken.has(node)),
  };
}
