import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { abortError, ioError, NixpushError } from '../base/errors.ts';
import { inSlices, type Steps } from '../base/steps.ts';
import type { Closure, ClosurePath, ClosureSource, TreeLocation } from './closure.ts';
import { makeClosure } from './make-closure.ts';
import { parsePathInfo } from './path-info.ts';
import { parseRegistration } from './registration.ts';

/**
 * Closures as a file describes them, so that no Nix is needed. The file is one of
 *
 * - exportReferencesGraph as JSON, alone or under the names of its graphs (`.attrs.json` of structured attributes);
 * - what `nix path-info --recursive --json` printed, in all its shapes;
 * - the `registration` of nixpkgs' closureInfo or of `nix-store --dump-db`, or the directory that holds it.
 */
export class ClosureFile implements ClosureSource {
  readonly trees: TreeLocation;
  readonly #file: string;

  constructor(file: string, trees: TreeLocation) {
    this.#file = file;
    this.trees = trees;
  }

  async closure(roots: readonly string[], signal?: AbortSignal): Promise<Closure> {
    const { file, text } = await readClosureFile(this.#file, signal);
    const infos = await inSlices(parseClosureFile(text, file));
    return inSlices(makeClosure(roots, infos, file));
  }
}

async function readClosureFile(path: string, signal?: AbortSignal): Promise<{ file: string; text: string }> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'registration') : path;
    return { file, text: await readFile(file, { encoding: 'utf8', ...(signal && { signal }) }) };
  } catch (error) {
    if (signal?.aborted) throw abortError(signal);
    throw ioError(error, 'cannot read the closure file', path);
  }
}

/** The content of a closure file; `what` names it in messages. Throws ERR_FORMAT, ERR_NOT_FOUND. */
export function* parseClosureFile(text: string, what: string): Steps<ClosurePath[]> {
  if (text.startsWith('/')) return yield* parseRegistration(text, what);
  if (!/^\s*[[{]/.test(text)) {
    throw new NixpushError('ERR_FORMAT', `${what}: it is neither JSON nor a registration of Nix`, {
      hint: 'Make one with `nix path-info --recursive --json PATH > FILE`.',
    });
  }
  const value = parseJson(text, what);
  yield;
  const graphs = namedGraphs(value);
  return yield* parsePathInfo(graphs.length > 0 ? graphs.flat() : value, what);
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${what}: ${(error as Error).message}`, { cause: error });
  }
}

/** Graphs lie among the other attributes of a derivation, under any name; their elements give them away. */
function namedGraphs(value: unknown): unknown[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.values(value).filter(isGraph);
}

function isGraph(value: unknown): value is unknown[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (entry) => typeof entry === 'object' && entry !== null && 'path' in entry && 'references' in entry,
    )
  );
}
