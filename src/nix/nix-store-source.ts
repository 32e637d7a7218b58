import { NixpushError } from '../base/errors.ts';
import { inSlices } from '../base/steps.ts';
import type { Closure, ClosureSource, TreeLocation } from './closure.ts';
import { makeClosure } from './make-closure.ts';
import { runNix } from './nix-command.ts';
import { parsePathInfo } from './path-info.ts';
import { nixStoreArgs } from './tree-location.ts';

const PATH_INFO = ['path-info', '--recursive', '--json'];

/** Closures as the database of a Nix store has them, asked from the `nix` command. */
export class NixStoreSource implements ClosureSource {
  readonly trees: TreeLocation;

  constructor(trees: TreeLocation) {
    this.trees = trees;
  }

  async closure(roots: readonly string[], signal?: AbortSignal): Promise<Closure> {
    const output = await this.#pathInfo(PATH_INFO, roots, signal);
    const infos = await inSlices(parsePathInfo(parseOutput(output), 'nix path-info'));
    return inSlices(makeClosure(roots, infos, 'nix path-info'));
  }

  /**
   * Nix up to 2.32 does not know `--json-format`; from 2.33 it asks for it, and will insist some day. So it is
   * passed to the Nix that insists.
   */
  async #pathInfo(
    command: readonly string[],
    roots: readonly string[],
    signal?: AbortSignal,
  ): Promise<string> {
    const options = { doing: `cannot find the closure of ${roots.join(', ')}`, ...(signal && { signal }) };
    try {
      return await runNix([...command, ...nixStoreArgs(this.trees), '--', ...roots], options);
    } catch (error) {
      if (!(error instanceof NixpushError) || error.code !== 'ERR_COMMAND') throw error;
      if (command === PATH_INFO && error.message.includes('--json-format')) {
        return await this.#pathInfo([...PATH_INFO, '--json-format', '2'], roots, signal);
      }
      throw unknownPath(error);
    }
  }
}

/** Says it when the files are there but the database does not know them, as after a copy without Nix. */
function unknownPath(error: NixpushError): NixpushError {
  const match = /path '([^']+)' is not valid/.exec(error.message);
  if (match === null) return error;
  return new NixpushError('ERR_NOT_FOUND', error.message, {
    path: match[1]!,
    hint: 'The database of this Nix store does not know the path. If its files are there, describe the closure with --closure FILE.',
    cause: error,
  });
}

function parseOutput(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch (error) {
    throw new NixpushError('ERR_COMMAND', 'nix path-info printed something that is not JSON', {
      cause: error,
    });
  }
}
