import { compare, reach, type Graph } from './graph.ts';

/**
 * nixpkgs' older layering, the popularity contest (pkgs/build-support/references-by-popularity): the most popular
 * store paths get a layer each, since they are the likeliest to be in other images too, and the last layer takes the
 * rest. Returns node ids.
 */
export function popularityLayers(graph: Graph, budget: number): number[][] {
  const order = byPopularity(graph);
  const single = order.slice(0, budget - 1).map((node) => [node]);
  const rest = order.slice(budget - 1);
  return rest.length === 0 ? single : [...single, rest];
}

/** Most popular first; of equally popular ones by name. What lies behind a cycle, which no Nix store has, comes where its partial score puts it. */
export function byPopularity(graph: Graph): number[] {
  const scores = popularity(graph);
  const names = graph.paths.map(sortName);
  const score = (node: number): bigint => scores.get(node) ?? 0n;
  return graph.paths
    .map((_, node) => node)
    .sort((a, b) => {
      const [scoreA, scoreB] = [score(a), score(b)];
      return scoreA === scoreB ? compare(names[a]!, names[b]!) : scoreA > scoreB ? -1 : 1;
    });
}

/**
 * nixpkgs merges counters upwards, adding one at each step. Unrolled into a tree, that counts for x the tree nodes
 * that are x or lead to x; hence the sum, over x and all that lead to it, of the number of ways to get there from a
 * root. These numbers grow exponentially with depth, beyond what a double can hold.
 */
function popularity(graph: Graph): Map<number, bigint> {
  const ways = waysFromRoots(graph);
  const scores = new Map<number, bigint>();
  for (const node of ways.keys()) {
    let score = 0n;
    for (const user of reach([node], graph.users)) score += ways.get(user) ?? 0n;
    scores.set(node, score);
  }
  return scores;
}

/** Of each node, in topological order; a root is a node that nobody refers to. */
function waysFromRoots({ references, users }: Graph): Map<number, bigint> {
  const ways = new Map<number, bigint>();
  const waiting = users.map((direct) => direct.length);
  const ready = waiting.flatMap((count, node) => (count === 0 ? [node] : []));
  for (const root of ready) ways.set(root, 1n);
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    for (const reference of references[node]!) {
      ways.set(reference, (ways.get(reference) ?? 0n) + ways.get(node)!);
      waiting[reference]!--;
      if (waiting[reference] === 0) ready.push(reference);
    }
  }
  return ways;
}

/** The hash goes last: equal scores are ordered by name, whatever was rebuilt. */
function sortName(path: string): string {
  const dash = path.indexOf('-');
  return `${path.slice(dash + 1)}-${path.slice(0, dash)}`;
}
