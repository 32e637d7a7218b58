import { storeName, type Graph } from './graph.ts';
import { packageName } from './weights.ts';

/**
 * Which nodes a user means: a store path, a name with or without its version (`hello-2.12.1`, `hello`), or either with
 * `*` for any characters.
 */
export function matchingNodes({ paths }: Pick<Graph, 'paths'>, patterns: readonly string[]): number[] {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(quoted).join('.*')}$`));
  return paths.flatMap((path, node) => {
    const name = storeName(path);
    const names = [path, name, packageName(name)];
    return expressions.some((expression) => names.some((each) => expression.test(each))) ? [node] : [];
  });
}

/** Patterns that mean none of the paths: mistyped, most likely. */
export function idlePatterns(paths: readonly string[], patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => matchingNodes({ paths }, [pattern]).length === 0);
}

function quoted(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
