import type { Steps } from '../../base/steps.ts';
import type { ClosurePath } from '../../nix/closure.ts';

/** A closure with numbers for store paths: node i is `paths[i]`. Sorted, so that its input order is without effect. */
export interface Graph {
  readonly paths: readonly string[];
  /** Bytes. */
  readonly narSizes: readonly number[];
  /** Direct references of each node, each once, itself left out. */
  readonly references: readonly (readonly number[])[];
  /** The reverse: who refers to each node. */
  readonly users: readonly (readonly number[])[];
}

/** In the order of paths, unless told otherwise. References that lead out of the given paths are left out. */
export function* makeGraph(closure: readonly ClosurePath[], order: PathOrder = byPath): Steps<Graph> {
  const nodes = [...closure].sort(order);
  yield;
  const ids = new Map(nodes.map(({ path }, id) => [path, id]));
  const references: number[][] = [];
  for (const [id, node] of nodes.entries()) {
    const targets = node.references.map((path) => ids.get(path)).filter((target) => target !== undefined);
    references.push([...new Set(targets)].filter((target) => target !== id));
    yield;
  }
  const users: number[][] = nodes.map(() => []);
  for (const [user, targets] of references.entries()) {
    for (const target of targets) users[target]!.push(user);
  }
  return {
    paths: nodes.map(({ path }) => path),
    narSizes: nodes.map(({ narSize }) => narSize),
    references,
    users,
  };
}

export type PathOrder = (a: ClosurePath, b: ClosurePath) => number;

function byPath(a: ClosurePath, b: ClosurePath): number {
  return compare(a.path, b.path);
}

/** The smallest first, as nixpkgs' layering pipeline has them. */
export function bySize(a: ClosurePath, b: ClosurePath): number {
  return a.narSize - b.narSize || byPath(a, b);
}

/** By what follows the hash, so that a rebuild, which changes hashes, changes no order; of equal names the smaller path first. */
export function byName(a: ClosurePath, b: ClosurePath): number {
  return compare(storeName(a.path), storeName(b.path)) || a.narSize - b.narSize || compare(a.path, b.path);
}

/** `hello-2.12.1`: what follows the hash of a store path. */
export function storeName(path: string): string {
  return path.slice(path.indexOf('-') + 1);
}

/** Everything that can be reached from the nodes over the edges, the nodes themselves included, in no particular order. */
export function reach(nodes: Iterable<number>, edges: readonly (readonly number[])[]): number[] {
  const seen = new Uint8Array(edges.length);
  const reached: number[] = [];
  const visit = (node: number): void => {
    if (seen[node] === 1) return;
    seen[node] = 1;
    reached.push(node);
  };
  for (const node of nodes) visit(node);
  // `reached` grows while it is walked.
  for (let next = 0; next < reached.length; next++) edges[reached[next]!]!.forEach(visit);
  return reached;
}

/** A part of a graph: its node i is the node `nodes[i]` of the whole. */
export function subgraph({ paths, narSizes, references, users }: Graph, nodes: readonly number[]): Graph {
  const ids = new Map(nodes.map((node, id) => [node, id]));
  const inside = (edges: readonly (readonly number[])[]): number[][] =>
    nodes.map((node) => edges[node]!.flatMap((target) => ids.get(target) ?? []));
  return {
    paths: nodes.map((node) => paths[node]!),
    narSizes: nodes.map((node) => narSizes[node]!),
    references: inside(references),
    users: inside(users),
  };
}

/** By code units, which for store paths are bytes. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
