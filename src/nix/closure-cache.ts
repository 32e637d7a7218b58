import { lstatSync } from 'node:fs';
import { FileCache } from '../base/file-cache.ts';
import { inSlices, stepwise, type Steps } from '../base/steps.ts';
import type { Closure, ClosurePath, ClosureSource, TreeLocation } from './closure.ts';
import { makeClosure } from './make-closure.ts';
import { parsePathInfo } from './path-info.ts';
import { locate } from './tree-location.ts';

/** Closures that are kept: those used last. Each takes 200 bytes a path, and 50 a reference. */
const MOST_CLOSURES = 64;

const WHAT = 'the remembered closure';

/**
 * A source that remembers. What Nix knows of a valid store path never changes, but a path can be deleted and built again
 * with other content; so a closure counts only as long as each of its paths is the very file or directory that it was.
 */
export class ClosureCache implements ClosureSource {
  readonly #source: ClosureSource;
  readonly #files: FileCache;

  constructor(source: ClosureSource, directory: string) {
    this.#source = source;
    this.#files = new FileCache(directory, MOST_CLOSURES);
  }

  get trees(): TreeLocation {
    return this.#source.trees;
  }

  async closure(roots: readonly string[], signal?: AbortSignal): Promise<Closure> {
    // The number is that of the format.
    const key = ['closure 2', this.trees.directory, ...roots].join('\n');
    const remembered = await inSlices(this.#read(this.#files.read(key), roots));
    if (remembered !== undefined) return remembered;
    const closure = await this.#source.closure(roots, signal);
    const identities = await inSlices(this.#identities(closure));
    if (!identities.includes(undefined))
      this.#files.write(key, JSON.stringify({ paths: closure.paths.map(asNixSays), identities }));
    return closure;
  }

  /** undefined for what is damaged or out of date. */
  *#read(text: string | undefined, roots: readonly string[]): Steps<Closure | undefined> {
    if (text === undefined) return undefined;
    try {
      const { paths, identities } = JSON.parse(text) as { paths: unknown; identities: unknown[] };
      yield;
      const closure = yield* makeClosure(roots, yield* parsePathInfo(paths, WHAT), WHAT);
      const present = yield* this.#identities(closure);
      return present.every((identity, at) => identity === identities[at]) ? closure : undefined;
    } catch {
      return undefined;
    }
  }

  *#identities({ paths }: Closure): Steps<(string | undefined)[]> {
    const identities: (string | undefined)[] = [];
    yield* stepwise(paths, ({ path }) => identities.push(this.#identity(path)));
    return identities;
  }

  /** Whatever takes the path's place has another inode or, on the same one, another change time. */
  #identity(path: string): string | undefined {
    try {
      const { ino, ctimeNs } = lstatSync(locate(this.trees, path), { bigint: true });
      return `${ino} ${ctimeNs}`;
    } catch {
      return undefined;
    }
  }
}

function asNixSays({ refersToItself, ...info }: ClosurePath): ClosurePath {
  return refersToItself ? { ...info, references: [...info.references, info.path] } : info;
}
