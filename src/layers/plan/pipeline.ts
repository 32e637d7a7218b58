import { NixpushError } from '../../base/errors.ts';
import { reach, subgraph, type Graph } from './graph.ts';
import { matchingNodes } from './path-patterns.ts';
import type { PathSpec, PipelineStep } from './pipeline-steps.ts';
import { byPopularity } from './popularity.ts';

/** What flows through a pipeline: a part of the closure, many of them in order, or parts with names. */
type Value = Part | Value[] | Map<string, Value>;

/** Nodes, in the order in which they are to be in a layer. */
class Part {
  readonly nodes: readonly number[];

  constructor(nodes: readonly number[]) {
    this.nodes = nodes;
  }
}

/**
 * Runs nixpkgs' layering pipeline (pkgs/build-support/flatten-references-graph). Each part that is left at its end is a
 * layer. The nodes of `graph` must be in order of size, the smallest first, as nixpkgs has them; a path that no part
 * holds in the end is in no layer. Throws ERR_FORMAT for an operation on what it cannot work on.
 */
export function pipelineLayers(graph: Graph, steps: readonly PipelineStep[]): number[][] {
  const whole = new Part(graph.paths.map((_, node) => node));
  const taken = new Set<number>();
  return partsOf(new Pipeline(graph).run(steps, whole))
    .map(({ nodes }) => nodes.filter((node) => !taken.has(node) && taken.add(node)))
    .filter((nodes) => nodes.length > 0);
}

class Pipeline {
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  run(steps: readonly PipelineStep[], value: Value): Value {
    return steps.reduce<Value>((reached, step) => this.#apply(step, reached), value);
  }

  #apply(step: PipelineStep, value: Value): Value {
    switch (step[0]) {
      case 'pipe':
        return this.run(step[1], value);
      case 'map':
        return list(value, step).map((item) => this.#apply(step[1], item));
      case 'over':
        return this.#over(step[1], step[2], value);
      case 'flatten':
        return partsOf(value);
      case 'reverse':
        return list(value, step).toReversed();
      case 'limit_layers':
        return limited(partsOf(list(value, step)), step[1]);
      case 'split_every':
        return chunks(part(value, step), step[1]);
      case 'popularity_contest':
        return this.#byPopularity(part(value, step));
      case 'remove_paths':
        return without(part(value, step), this.#among(part(value, step), step[1]));
      case 'subcomponent_out':
        return this.#component(part(value, step), step[1], 'references');
      case 'subcomponent_in':
        return this.#component(part(value, step), step[1], 'users');
      case 'split_paths':
        return this.#split(part(value, step), step[1]);
    }
  }

  #over(key: string, step: PipelineStep, value: Value): Value {
    const there = value instanceof Map ? value.get(key) : undefined;
    if (there === undefined)
      throw new NixpushError('ERR_FORMAT', `the layering pipeline has no part ${JSON.stringify(key)} there`, {
        hint: `subcomponent_out and _in make main and rest, split_paths main, common and rest if they hold anything.`,
      });
    return new Map(value as Map<string, Value>).set(key, this.#apply(step, there));
  }

  #byPopularity({ nodes }: Part): Part[] {
    return byPopularity(subgraph(this.#graph, nodes)).map((index) => new Part([nodes[index]!]));
  }

  /** The paths with all that can be reached from them, and the others. */
  #component(whole: Part, patterns: string | readonly string[], edges: 'references' | 'users'): Value {
    const reached = this.#reach(whole, this.#among(whole, patterns), edges);
    return new Map([
      ['main', only(whole, reached)],
      ['rest', without(whole, reached)],
    ]);
  }

  /** What only the given paths need, what others need as well, and what is not theirs. */
  #split(whole: Part, specs: readonly PathSpec[]): Value {
    const split = specs.flatMap((spec) => this.#specified(whole, spec));
    const roots = this.#roots(whole);
    if (roots.length === 1 && split.includes(roots[0]!)) return new Map([['main', whole]]);
    const theirs = new Set(this.#reach(whole, split, 'references'));
    const cut = new Set(split);
    const others = new Set(
      this.#reach(
        whole,
        roots.filter((root) => !cut.has(root)),
        'references',
        cut,
      ),
    );
    const parts: [string, Part][] = [
      ['main', new Part(whole.nodes.filter((node) => theirs.has(node) && !others.has(node)))],
      ['common', new Part(whole.nodes.filter((node) => theirs.has(node) && others.has(node)))],
      ['rest', new Part(whole.nodes.filter((node) => !theirs.has(node)))],
    ];
    return new Map(parts.filter(([, { nodes }]) => nodes.length > 0));
  }

  #specified(whole: Part, spec: PathSpec): number[] {
    if (typeof spec === 'string') return this.#among(whole, spec);
    const inside = new Set(whole.nodes);
    const children = this.#among(whole, spec.children_of).flatMap((node) => this.#graph.references[node]!);
    return children.filter((node) => inside.has(node));
  }

  #among({ nodes }: Part, patterns: string | readonly string[]): number[] {
    const matching = new Set(matchingNodes(this.#graph, [patterns].flat()));
    return nodes.filter((node) => matching.has(node));
  }

  #roots({ nodes }: Part): number[] {
    const inside = new Set(nodes);
    return nodes.filter((node) => !this.#graph.users[node]!.some((user) => inside.has(user)));
  }

  /** Without leaving the part, nor entering what is `cut`. */
  #reach(
    { nodes }: Part,
    from: readonly number[],
    edges: 'references' | 'users',
    cut: ReadonlySet<number> = new Set(),
  ): number[] {
    const inside = new Set(nodes.filter((node) => !cut.has(node)));
    const allowed = this.#graph[edges].map((targets) => targets.filter((target) => inside.has(target)));
    return reach(from, allowed);
  }
}

function list(value: Value, [operation]: PipelineStep): Value[] {
  if (Array.isArray(value)) return value;
  throw misplaced(operation, 'a list of parts, as popularity_contest, split_every and flatten make');
}

function part(value: Value, [operation]: PipelineStep): Part {
  if (value instanceof Part) return value;
  throw misplaced(operation, 'one part; "over" and "map" lead to those in several');
}

function misplaced(operation: string, wanted: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `the layering pipeline has ${operation} where it cannot be`, {
    hint: `It works on ${wanted}.`,
  });
}

/** All parts, in order. */
function partsOf(value: Value): Part[] {
  if (value instanceof Part) return [value];
  return [...(value instanceof Map ? value.values() : value)].flatMap(partsOf);
}

function limited(parts: readonly Part[], most: number): Part[] {
  if (parts.length <= most) return [...parts];
  const rest = parts.slice(most - 1).flatMap(({ nodes }) => nodes);
  return [...parts.slice(0, most - 1), new Part(rest)];
}

function chunks({ nodes }: Part, size: number): Part[] {
  const count = Math.ceil(nodes.length / size);
  return Array.from({ length: count }, (_, at) => new Part(nodes.slice(at * size, (at + 1) * size)));
}

function only({ nodes }: Part, wanted: readonly number[]): Part {
  const those = new Set(wanted);
  return new Part(nodes.filter((node) => those.has(node)));
}

function without({ nodes }: Part, unwanted: readonly number[]): Part {
  const those = new Set(unwanted);
  return new Part(nodes.filter((node) => !those.has(node)));
}
