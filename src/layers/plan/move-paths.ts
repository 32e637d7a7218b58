import { stepwise, type Steps } from '../../base/steps.ts';
import { members, type ChangeModel } from './change-model.ts';

interface Layer {
  readonly nodes: Set<number>;
  /** Of each node of the graph, how many of this layer's nodes have it in their closure. */
  readonly holders: Uint32Array;
  bytes: number;
  /** Of all that have a holder. */
  weight: number;
}

/** Ends moves that are but rounding errors of the sums. */
const NEGLIGIBLE = 1e-9;

/**
 * Moves single nodes, in their order, to the layer where they cost least, until no move lowers the expected bytes.
 * Merging cannot take back a merger that later ones have made a bad one; this can. It takes up to a
 * quarter off what a plan costs above one layer per path (docs/layers.md).
 */
export function* movePaths(model: ChangeModel, plan: readonly (readonly number[])[]): Steps<number[][]> {
  const lists: number[][] = [];
  yield* stepwise(model.closures.keys(), (node) => lists.push(closureList(model, node)));
  const layers: Layer[] = [];
  for (const nodes of plan) {
    const holders = new Uint32Array(model.closures.length);
    const layer: Layer = { nodes: new Set(), holders, bytes: 0, weight: 0 };
    layers.push(layer);
    yield* stepwise(nodes, (node) => {
      add(model, layer, node, lists[node]!);
    });
  }
  const home = new Map(layers.flatMap((layer) => [...layer.nodes].map((node) => [node, layer] as const)));
  const nodes = [...home.keys()].sort((a, b) => a - b);
  for (let moved = true; moved;) {
    moved = false;
    for (const node of nodes) {
      yield;
      const from = home.get(node)!;
      const to = from.nodes.size > 1 ? betterLayer(model, layers, from, node, lists[node]!) : undefined;
      if (to === undefined) continue;
      remove(model, from, node, lists[node]!);
      add(model, to, node, lists[node]!);
      home.set(node, to);
      moved = true;
    }
  }
  return layers.map((layer) => [...layer.nodes]);
}

/** The node itself comes first: few layers hold it already, so most attempts end there. */
function closureList({ closures }: ChangeModel, node: number): number[] {
  return [node, ...members(closures[node]!).filter((member) => member !== node)];
}

function betterLayer(
  { sizes, weights }: ChangeModel,
  layers: readonly Layer[],
  from: Layer,
  node: number,
  closure: readonly number[],
): Layer | undefined {
  const bytes = sizes[node]!;
  let released = 0;
  for (const member of closure) if (from.holders[member] === 1) released += weights[member]!;
  const saved = bytes * from.weight + (from.bytes - bytes) * released;

  let best: Layer | undefined;
  let least = saved * (1 - NEGLIGIBLE);
  for (const layer of layers) {
    let cost = bytes * layer.weight;
    if (layer === from || cost >= least) continue;
    for (const member of closure) {
      if (layer.holders[member] !== 0) continue;
      cost += (layer.bytes + bytes) * weights[member]!;
      if (cost >= least) break;
    }
    if (cost >= least) continue;
    least = cost;
    best = layer;
  }
  return best;
}

function add({ sizes, weights }: ChangeModel, layer: Layer, node: number, closure: readonly number[]): void {
  layer.nodes.add(node);
  layer.bytes += sizes[node]!;
  for (const member of closure) {
    if (layer.holders[member]!++ === 0) layer.weight += weights[member]!;
  }
}

function remove(
  { sizes, weights }: ChangeModel,
  layer: Layer,
  node: number,
  closure: readonly number[],
): void {
  layer.nodes.delete(node);
  layer.bytes -= sizes[node]!;
  for (const member of closure) {
    if (--layer.holders[member]! === 0) layer.weight -= weights[member]!;
  }
}
