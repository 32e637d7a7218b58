import { NixpushError } from '../base/errors.ts';
import type { Closure, ClosurePath, ClosureSource } from '../nix/closure.ts';
import { atOnce, inSlices } from '../base/steps.ts';
import { makeClosure } from '../nix/make-closure.ts';
import { parsePathInfo } from '../nix/path-info.ts';
import type { ImageDefinition } from './image-definition.ts';

const STORE_PATH = /\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9a-zA-Z+._?=-]+/g;

/** Keys whose store paths are no part of the image. */
const ELSEWHERE = ['closure', 'fromImage', 'layers', 'permissions', '$schema'];

/** The store paths that a definition names anywhere: contents first, then those in texts such as an Entrypoint. */
export function definedRoots(definition: ImageDefinition): string[] {
  const { contents = [], copyToRoot = [], ...rest } = definition;
  const texts = Object.entries(rest).filter(([key]) => !ELSEWHERE.includes(key));
  const named = JSON.stringify(texts).match(STORE_PATH) ?? [];
  return [...new Set([...contents, ...copyToRoot, ...named])];
}

/** The closure of a definition: as it says itself, or as `source` knows it. Throws ERR_FORMAT, and what `source` throws. */
export async function definedClosure(
  definition: ImageDefinition,
  file: string,
  source: ClosureSource,
  signal?: AbortSignal,
): Promise<Closure> {
  const roots = definedRoots(definition);
  if (roots.length === 0) return { roots, paths: [] };
  if (definition.closure === undefined) return await source.closure(roots, signal);
  const what = `${file}: closure`;
  const infos = await inSlices(parsePathInfo(definition.closure, what));
  const closure = await inSlices(makeClosure(roots, infos, what));
  refuseCycle(closure, what);
  return closure;
}

/**
 * Store paths that are in the image as copies at `/` only: nothing refers to them, not they themselves either, as far
 * as the definition says what they refer to.
 */
export function onlyCopied(definition: ImageDefinition, { paths }: Closure): ReadonlySet<string> {
  const { copyToRoot = [], closure, ...rest } = definition;
  if (copyToRoot.length === 0 || closure === undefined) return new Set();
  const referrers = atOnce(parsePathInfo(closure, 'closure')).filter(({ path }) =>
    paths.some((each) => each.path === path),
  );
  const needed = new Set([...definedRoots(rest), ...referrers.flatMap(({ references }) => references)]);
  return new Set(copyToRoot.filter((path) => !needed.has(path)));
}

/** What the image has in its store. */
export function storedPaths(definition: ImageDefinition, closure: Closure): Closure {
  if (definition.includeStorePaths === false) return { ...closure, paths: [] };
  const elsewhere = onlyCopied(definition, closure);
  return { ...closure, paths: closure.paths.filter(({ path }) => !elsewhere.has(path)) };
}

/** Store paths are named by what they refer to, so none can be reached from itself: such a closure is made up. */
function refuseCycle({ paths }: Closure, what: string): void {
  const byPath = new Map(paths.map((info) => [info.path, info]));
  const finished = new Set<string>();
  for (const start of paths) {
    const trail: { info: ClosurePath; next: number }[] = [{ info: start, next: 0 }];
    const open = new Set([start.path]);
    while (trail.length > 0) {
      const step = trail.at(-1)!;
      const reference = step.info.references[step.next++];
      if (reference === undefined || finished.has(step.info.path)) {
        finished.add(step.info.path);
        open.delete(step.info.path);
        trail.pop();
      } else if (open.has(reference)) {
        throw cycleError(
          trail.map(({ info }) => info.path),
          reference,
          what,
        );
      } else {
        open.add(reference);
        trail.push({ info: byPath.get(reference)!, next: 0 });
      }
    }
  }
}

function cycleError(trail: readonly string[], again: string, what: string): NixpushError {
  const cycle = [...trail.slice(trail.indexOf(again)), again];
  return new NixpushError('ERR_FORMAT', `${what}: the references go in a circle: ${cycle.join(' -> ')}`);
}
