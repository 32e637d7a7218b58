import type { Steps } from '../../base/steps.ts';
import { compare, reach, type Graph } from './graph.ts';

/**
 * nixpkgs' automatic layering (pkgs/build-support/docker/auto-layer.py): layer after layer is split off for the
 * next largest store path P, its primary, until `budget` layers are not enough. With P go those of its dependencies
 * that nobody else needs; what several primaries need makes layers of its own, one for each set of primaries.
 * So a layer is identified by the set of primaries nearest to its paths, and a small change moves few paths.
 *
 * Returns node ids. Layers come after those they depend on, as far as the order by closure size can do it.
 */
export function* autoLayers(graph: Graph, budget: number): Steps<number[][]> {
  const { paths, narSizes } = graph;
  const split = new Split(graph);
  // Stable, and from the end: of equal sizes the last in path order is the first.
  const bySize = paths.map((_, node) => node).sort((a, b) => narSizes[a]! - narSizes[b]!);
  while (bySize.length > 0 && split.addPrimary(bySize.pop()!, budget)) yield;

  const keys = paths.map(pathKey);
  const layers = split.layers().map((nodes) => {
    nodes.sort((a, b) => compareKeys(keys[a]!, keys[b]!));
    const closureSize = reach(nodes, graph.references).reduce((sum, node) => sum + narSizes[node]!, 0);
    return { nodes, closureSize };
  });
  // nixpkgs leaves the order of layers with equal closures to chance.
  layers.sort((a, b) => a.closureSize - b.closureSize || compareKeys(keys[a.nodes[0]!]!, keys[b.nodes[0]!]!));
  return layers.map(({ nodes }) => nodes);
}

/** Which layer each node is in. A layer is a set of primaries; equal sets share one number. */
class Split {
  readonly #graph: Graph;
  readonly #sets: (readonly number[])[] = [[]];
  readonly #numbers = new Map<string, number>([['', 0]]);
  /** Of each node, the number of its set; at first, all are in the layer of no primary. */
  readonly #setOf: Uint32Array;
  /** How many nodes have each set. */
  readonly #members: number[];
  /** Sets that any node has. */
  #layers = 1;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#setOf = new Uint32Array(graph.paths.length);
    this.#members = [graph.paths.length];
  }

  /** Splits off a layer for `primary`; false, and nothing changed, if there would be more than `budget` layers. */
  addPrimary(primary: number, budget: number): boolean {
    const dependencies = reach([primary], this.#graph.references);
    const depends = new Set(dependencies);
    const uses = new Set(reach([primary], this.#graph.users));
    depends.delete(primary);
    uses.delete(primary);

    const changedSets = new Map<number, number>();
    const moves = new Map<number, number>([[primary, this.#number([primary])]]);
    for (const node of depends) {
      const old = this.#setOf[node]!;
      let changed = changedSets.get(old);
      if (changed === undefined) {
        // The new primary stands between the node and those primaries that use the new one.
        const set = this.#sets[old]!.filter((other) => !uses.has(other));
        if (!set.some((other) => depends.has(other))) set.push(primary);
        changed = this.#number(set);
        changedSets.set(old, changed);
      }
      if (changed !== old) moves.set(node, changed);
    }
    const members = new Map<number, number>();
    const add = (set: number, count: number): void => {
      members.set(set, (members.get(set) ?? this.#members[set]!) + count);
    };
    for (const [node, set] of moves) {
      add(this.#setOf[node]!, -1);
      add(set, 1);
    }
    let layers = this.#layers;
    for (const [set, count] of members) layers += Math.sign(count) - Math.sign(this.#members[set]!);
    if (layers > budget) return false;
    this.#layers = layers;
    for (const [node, set] of moves) this.#setOf[node] = set;
    for (const [set, count] of members) this.#members[set] = count;
    return true;
  }

  layers(): number[][] {
    const layers = new Map<number, number[]>();
    for (const [node, set] of this.#setOf.entries()) {
      const layer = layers.get(set);
      if (layer === undefined) layers.set(set, [node]);
      else layer.push(node);
    }
    return [...layers.values()];
  }

  #number(set: number[]): number {
    const key = set.sort((a, b) => a - b).join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#sets.push(set) - 1;
    this.#numbers.set(key, number);
    this.#members.push(0);
    return number;
  }
}

/** nixpkgs sorts by what follows the hash, so that a rebuild, which changes the hash, changes no order. */
function pathKey(path: string): readonly [name: string, hash: string] {
  const dash = path.indexOf('-');
  return [path.slice(dash + 1), path.slice(0, dash)];
}

function compareKeys(a: readonly [string, string], b: readonly [string, string]): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]);
}
