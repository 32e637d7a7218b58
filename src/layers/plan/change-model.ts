import type { Steps } from '../../base/steps.ts';
import { reach, type Graph } from './graph.ts';

/**
 * How an image ages. A path changes when anything in its closure changes, as Nix rebuilds it. Now and then one path,
 * the touched one, is changed by its author; each is it with the chance that its weight has in the sum of all. Then
 * every path whose closure holds the touched one changes, and a layer with any of these must be sent again, all of it.
 */
export interface ChangeModel {
  /**
   * Bytes of each node's NAR, which stand for its compressed bytes, not known before the layer is made. Rounded to a
   * power of two: plans become no worse by it, and a release that is a little larger plans the same layers again.
   */
  readonly sizes: readonly number[];
  /** Of each node, the set of its closure. */
  readonly closures: readonly NodeSet[];
  /** Of each node, how likely it is to be the touched one, in any unit. */
  readonly weights: Float64Array;
}

/** Node n is in it if bit n mod 32 of word n / 32 is set. */
export type NodeSet = Uint32Array;

export function* changeModel(graph: Graph, weights: Float64Array): Steps<ChangeModel> {
  const words = Math.ceil(graph.paths.length / 32);
  const closures: NodeSet[] = [];
  for (const node of graph.paths.keys()) {
    const set = new Uint32Array(words);
    for (const member of reach([node], graph.references)) set[member >>> 5]! |= 1 << (member & 31);
    closures.push(set);
    yield;
  }
  const sizes = graph.narSizes.map((size) => 2 ** Math.round(Math.log2(Math.max(size, 1))));
  return { sizes, closures, weights };
}

/** Weight of all whose touch means that a layer of these nodes is sent again. */
export function layerWeight({ closures, weights }: ChangeModel, layer: readonly number[]): number {
  return weightOf(
    layer.map((node) => closures[node]!).reduce((all, closure) => union(all, closure)),
    weights,
  );
}

/** Bytes to send again after one touch, as rounded, the mean over all touches. 0 if all weights are 0. */
export function expectedBytes(model: ChangeModel, layers: readonly (readonly number[])[]): number {
  let sum = 0;
  for (const layer of layers) {
    const bytes = layer.reduce((all, node) => all + model.sizes[node]!, 0);
    sum += bytes * layerWeight(model, layer);
  }
  return sum === 0 ? 0 : sum / totalWeight(model);
}

export function totalWeight({ weights }: ChangeModel): number {
  return weights.reduce((all, weight) => all + weight, 0);
}

export function union(a: NodeSet, b: NodeSet): NodeSet {
  return a.map((word, index) => word | b[index]!);
}

export function weightOf(set: NodeSet, weights: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < set.length; index++) {
    for (let rest = set[index]!; rest !== 0; rest &= rest - 1) sum += weights[index * 32 + lowestBit(rest)]!;
  }
  return sum;
}

/** Ascending. */
export function members(set: NodeSet): number[] {
  const nodes: number[] = [];
  for (let index = 0; index < set.length; index++) {
    for (let rest = set[index]!; rest !== 0; rest &= rest - 1) nodes.push(index * 32 + lowestBit(rest));
  }
  return nodes;
}

/** The number of the lowest bit that is set in a word that is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
