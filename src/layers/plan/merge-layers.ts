import { stepwise, type Steps } from '../../base/steps.ts';
import { lowestBit, union, weightOf, type ChangeModel, type NodeSet } from './change-model.ts';

interface Cluster {
  readonly nodes: number[];
  /** The lowest of its nodes: breaks ties. */
  readonly first: number;
  readonly bytes: number;
  /** All that its nodes' closures hold, and the weight of that. */
  readonly closure: NodeSet;
  readonly weight: number;
  /** Where the closure has words that are not 0, beginning with the first node's: there sets are likeliest to differ. */
  readonly words: readonly number[];
  /** Merged into another one. */
  gone: boolean;
  /**
   * The cluster after this one, in the order by weight, with which merging costs least, and what it costs. If the
   * partner is missing or gone, the cost is but a lower bound.
   */
  partner: Cluster | undefined;
  cost: number;
}

/**
 * Starts with one layer for each node and merges, as long as there are more than `budget`, the two layers that add
 * least to the expected bytes; of equals the first in the order of (cost, first node of the lighter layer, first node
 * of the other).
 *
 * Exact, yet far from trying all pairs: merging a with a heavier b costs at least bytes(a) × (weight(b) − weight(a)),
 * so the search for a's partner goes upwards in the order by weight and stops where that alone exceeds the best.
 */
export function* mergeLayers(
  model: ChangeModel,
  nodes: readonly number[],
  budget: number,
): Steps<number[][]> {
  const { sizes, closures, weights } = model;
  const clusters: Cluster[] = [];
  yield* stepwise(nodes, (node) =>
    clusters.push(makeCluster([node], sizes[node]!, closures[node]!, weights)),
  );
  clusters.sort(byWeight);
  for (let index = 0; index < clusters.length && clusters.length > budget; index++) {
    findPartner(clusters, index, weights);
    yield;
  }
  while (clusters.length > budget) {
    const lighter = cheapest(clusters, weights);
    const heavier = lighter.partner!;
    lighter.gone = heavier.gone = true;
    const merged = makeCluster(
      [...lighter.nodes, ...heavier.nodes],
      lighter.bytes + heavier.bytes,
      union(lighter.closure, heavier.closure),
      weights,
    );
    clusters.splice(placeOf(heavier, clusters), 1);
    clusters.splice(placeOf(lighter, clusters), 1);
    const place = placeOf(merged, clusters);
    for (let before = 0; before < place; before++) offer(clusters[before]!, merged, weights);
    clusters.splice(place, 0, merged);
    yield;
  }
  return clusters.map((cluster) => cluster.nodes);
}

function makeCluster(nodes: number[], bytes: number, closure: NodeSet, weights: Float64Array): Cluster {
  const first = nodes.reduce((least, node) => Math.min(least, node));
  return {
    nodes,
    first,
    bytes,
    closure,
    weight: weightOf(closure, weights),
    words: wordsFrom(closure, first >>> 5),
    gone: false,
    partner: undefined,
    cost: 0,
  };
}

function wordsFrom(closure: NodeSet, start: number): number[] {
  const words: number[] = [];
  for (let at = start; at < closure.length; at++) if (closure[at] !== 0) words.push(at);
  for (let at = 0; at < start; at++) if (closure[at] !== 0) words.push(at);
  return words;
}

function byWeight(a: Cluster, b: Cluster): number {
  return a.weight - b.weight || a.first - b.first;
}

/** Where it is, or belongs, in the order by weight. */
function placeOf(cluster: Cluster, clusters: readonly Cluster[]): number {
  let low = 0;
  let high = clusters.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byWeight(clusters[middle]!, cluster) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The cluster whose merger with its partner comes first. Looks for partners only where a lower bound does not do. */
function cheapest(clusters: readonly Cluster[], weights: Float64Array): Cluster {
  let best: Cluster | undefined;
  for (let index = 0; index < clusters.length - 1; index++) {
    const cluster = clusters[index]!;
    if (!precedes(cluster, best)) continue;
    if (cluster.partner === undefined || cluster.partner.gone) findPartner(clusters, index, weights);
    if (precedes(cluster, best)) best = cluster;
  }
  return best!;
}

function precedes(a: Cluster, b: Cluster | undefined): boolean {
  return b === undefined || a.cost < b.cost || (a.cost === b.cost && a.first < b.first);
}

function findPartner(clusters: readonly Cluster[], index: number, weights: Float64Array): void {
  const cluster = clusters[index]!;
  cluster.partner = undefined;
  cluster.cost = Infinity;
  for (let next = index + 1; next < clusters.length; next++) {
    const other = clusters[next]!;
    if (cluster.bytes * (other.weight - cluster.weight) > cluster.cost) return;
    offer(cluster, other, weights);
  }
}

/** Makes the heavier `other` the partner of `cluster` if it is the better one. */
function offer(cluster: Cluster, other: Cluster, weights: Float64Array): void {
  const cost = mergeCost(cluster, other, weights, cluster.cost);
  const { partner } = cluster;
  // Where the cost is but a lower bound, an equal one says nothing: others may reach it too.
  const sooner = partner !== undefined && !partner.gone && other.first < partner.first;
  if (cost < cluster.cost || (cost === cluster.cost && sooner)) {
    cluster.partner = other;
    cluster.cost = cost;
  }
}

/**
 * What merging adds: each half is sent again for what only the other half's closures hold. `heavier` weighs no less,
 * so all follows from the weight of what only the lighter one has. Infinity as soon as it is above `limit`.
 */
function mergeCost(lighter: Cluster, heavier: Cluster, weights: Float64Array, limit: number): number {
  const bytes = lighter.bytes + heavier.bytes;
  const base = lighter.bytes * (heavier.weight - lighter.weight);
  if (base > limit) return Infinity;
  let only = 0;
  for (const index of lighter.words) {
    let word = lighter.closure[index]! & ~heavier.closure[index]!;
    if (word === 0) continue;
    for (; word !== 0; word &= word - 1) only += weights[index * 32 + lowestBit(word)]!;
    if (base + bytes * only > limit) return Infinity;
  }
  return base + bytes * only;
}
