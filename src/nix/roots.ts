import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { NixpushError, usageError } from '../base/errors.ts';
import type { TreeLocation } from './closure.ts';
import { buildInstallable, looksLikeInstallable } from './flake.ts';
import { storePathBehind } from './link-chain.ts';
import { checkTree } from './tree-location.ts';

export interface RootOptions {
  /** Where store paths are looked for and flakes are built. */
  trees: TreeLocation;
  /** What relative paths are relative to. Default: the process's. */
  cwd?: string;
  signal?: AbortSignal;
}

/** What `nix build` leaves behind. */
export const DEFAULT_ROOT = './result';

/**
 * What the user named, as logical store paths, each once and in this order: a store path or a path inside one, a
 * symbolic link into the store, or a flake installable, which is built. Nothing named means `./result`. Each path is
 * seen to exist. Throws ERR_NOT_FOUND, ERR_USAGE for what is not in a store, ERR_FORMAT, ERR_COMMAND, ERR_ABORTED.
 */
export async function resolveRoots(inputs: readonly string[], options: RootOptions): Promise<string[]> {
  const roots = new Set<string>();
  for (const [at, input] of (inputs.length > 0 ? inputs : [DEFAULT_ROOT]).entries()) {
    // Each takes up to 40 µs, and others need the event loop too.
    if (at % 100 === 99) await setImmediate();
    for (const root of await resolveRoot(input, options)) {
      checkRoot(root, input, options.trees);
      roots.add(root);
    }
  }
  return [...roots];
}

async function resolveRoot(input: string, options: RootOptions): Promise<string[]> {
  const { trees, cwd = process.cwd() } = options;
  if (input === '') throw usageError('an empty path cannot be pushed');
  if (looksLikeInstallable(input) && !exists(resolve(cwd, input))) return await build(input, options);
  const root = followed(input, cwd, trees);
  if (root !== undefined) return [root];
  if (exists(resolve(cwd, input, 'flake.nix'))) {
    // Without the `./` Nix would look for a flake of that name in its registry.
    return await build(/^[./]/.test(input) ? input : `./${input}`, options);
  }
  throw usageError(
    `${input} is not in the Nix store, is no link into it, and is no flake`,
    'Name a store path, a link that `nix build` made, or an installable such as .#hello.',
  );
}

function followed(input: string, cwd: string, trees: TreeLocation): string | undefined {
  try {
    return storePathBehind(input.startsWith('/') ? input : `${cwd}/${input}`, trees);
  } catch (error) {
    if (!(error instanceof NixpushError)) throw error;
    if (error.code === 'ERR_FORMAT') throw usageError(error.message);
    if (error.code !== 'ERR_NOT_FOUND') throw error;
    const isDefault = resolve(cwd, input) === resolve(cwd, DEFAULT_ROOT);
    throw new NixpushError('ERR_NOT_FOUND', `${input} does not exist`, {
      path: input,
      hint: isDefault
        ? 'Build it first with `nix build`, or name a store path.'
        : 'Name a store path, a link into the store, or an installable such as .#hello.',
      cause: error,
    });
  }
}

function checkRoot(root: string, input: string, trees: TreeLocation): void {
  if (root.endsWith('.drv')) {
    throw usageError(
      `${input} is a derivation, the plan of a build, not its result`,
      `Build it with \`nix-store --realise ${root}\` and name the path that it prints.`,
    );
  }
  checkTree(root, trees);
}

async function build(installable: string, options: RootOptions): Promise<string[]> {
  if (installable.startsWith('-')) throw usageError(`${installable} is not a flake installable`);
  return await buildInstallable(installable, options);
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
