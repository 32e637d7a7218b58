import { lstatSync } from 'node:fs';
import { isDigest, sha256, type Digest } from '../base/digest.ts';
import { FileCache } from '../base/file-cache.ts';
import { inSlices, stepwise, type Steps } from '../base/steps.ts';
import type { Closure, ClosurePath, ClosureSource, TreeLocation } from './closure.ts';
import { makeClosure } from './make-closure.ts';
import { parsePathInfo } from './path-info.ts';
import { locate } from './tree-location.ts';

/** Closures that are kept: those used last. Each takes 300 bytes a path, and 50 a reference. */
const MOST_CLOSURES = 64;

const WHAT = 'the remembered closure';

/** The first line of what is kept; the second one has the paths. To read all of a closure takes longer than a push may. */
interface Head {
  readonly fingerprint: Digest;
  readonly identities: readonly (readonly [path: string, identity: string])[];
}

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
    const [head, paths] = this.#read(roots);
    return (await inSlices(this.#remembered(roots, head, paths))) ?? (await this.#ask(roots, signal));
  }

  /** Of a closure that is remembered, without its references. Throws what `closure` throws. */
  async fingerprint(roots: readonly string[], signal?: AbortSignal): Promise<Digest> {
    const [head] = this.#read(roots);
    const valid = await inSlices(this.#valid(head));
    return valid?.fingerprint ?? closureFingerprint(await this.#ask(roots, signal));
  }

  async #ask(roots: readonly string[], signal?: AbortSignal): Promise<Closure> {
    const closure = await this.#source.closure(roots, signal);
    const identities: [string, string | undefined][] = [];
    await inSlices(stepwise(closure.paths, ({ path }) => identities.push([path, this.#identity(path)])));
    if (!identities.some(([, identity]) => identity === undefined)) {
      const head = { fingerprint: closureFingerprint(closure), identities };
      const lines = [head, closure.paths.map(asNixSays)].map((line) => JSON.stringify(line));
      this.#files.write(keyOf(this.trees, roots), lines.join('\n'));
    }
    return closure;
  }

  #read(roots: readonly string[]): (string | undefined)[] {
    return this.#files.read(keyOf(this.trees, roots))?.split('\n') ?? [];
  }

  /** undefined for what is damaged or out of date. */
  *#remembered(
    roots: readonly string[],
    head: string | undefined,
    paths: string | undefined,
  ): Steps<Closure | undefined> {
    if ((yield* this.#valid(head)) === undefined) return undefined;
    try {
      return yield* makeClosure(roots, yield* parsePathInfo(JSON.parse(paths ?? ''), WHAT), WHAT);
    } catch {
      return undefined;
    }
  }

  /** undefined for what is damaged or out of date. */
  *#valid(text: string | undefined): Steps<Head | undefined> {
    try {
      const head = JSON.parse(text ?? '') as Head;
      if (!isDigest(head.fingerprint) || head.identities.length === 0) return undefined;
      let present = true;
      yield* stepwise(head.identities, ([path, identity]) => {
        present &&= this.#identity(path) === identity;
      });
      return present ? head : undefined;
    } catch {
      return undefined;
    }
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

/** Tells a closure from every other: by its paths, and by what is in them. */
export function closureFingerprint({ paths }: Closure): Digest {
  return sha256(paths.map(({ path, narHash }) => `${path} ${narHash}\n`).join(''));
}

function keyOf({ directory }: TreeLocation, roots: readonly string[]): string {
  // The number is that of the format.
  return ['closure 3', directory, ...roots].join('\n');
}

function asNixSays({ refersToItself, ...info }: ClosurePath): ClosurePath {
  return refersToItself ? { ...info, references: [...info.references, info.path] } : info;
}
