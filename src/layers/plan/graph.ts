import type { ClosurePath } from '../../nix/closure.ts';

/** A closure with numbers for store paths: node i is `paths[i]`. Sorted by path, so that its input order is without effect. */
export interface Graph {
  readonly paths: readonly string[];
  /** Bytes. */
  readonly narSizes: readonly number[];
  /** Direct references of each node, each once, itself left out. */
  readonly references: readonly (readonly number[])[];
  /** The reverse: who refers to each node. */
  readonly users: readonly (readonly number[])[];
}

/** References that lead out of the given paths are left out. */
export function makeGraph(closure: readonly ClosurePath[]): Graph {
  const nodes = [...closure].sort((a, b) => compare(a.path, b.path));
  const ids = new Map(nodes.map(({ path }, id) => [path, id]));
  const references = nodes.map((node, id) => {
    const targets = node.references.map((path) => ids.get(path)).filter((target) => target !== undefined);
    return [...new Set(targets)].filter((target) => target !== id);
  });
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

/** By code units, which for store paths are bytes. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
