import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ioError, NixpushError } from '../base/errors.ts';
import { stepwise, type Steps } from '../base/steps.ts';
import type { Closure, TreeLocation } from './closure.ts';
import { STORE_DIR } from './store-path.ts';

/**
 * The local store, or the one relocated to `store`: the directory that holds `nix/store`, as in `nix --store DIR`.
 * Throws ERR_NOT_FOUND if there is no such store, ERR_USAGE for a URL.
 */
export function treeLocation(store?: string): TreeLocation {
  if (store === undefined) return { kind: 'directory', storeDir: STORE_DIR, directory: STORE_DIR };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(store)) {
    throw new NixpushError('ERR_USAGE', 'cannot use the store: it is given as a URL, not as a directory', {
      hint: 'Give the directory that holds nix/store.',
    });
  }
  const directory = join(resolve(store), STORE_DIR);
  if (!isDirectory(directory)) {
    throw new NixpushError(
      'ERR_NOT_FOUND',
      `cannot use the store ${store}: ${directory} is not a directory`,
      {
        path: directory,
        hint: 'Give the directory that holds nix/store.',
      },
    );
  }
  return { kind: 'directory', storeDir: STORE_DIR, directory };
}

/** What makes `nix` work on this store. */
export function nixStoreArgs(location: TreeLocation): string[] {
  const { directory, storeDir } = location;
  return directory === storeDir ? [] : ['--store', directory.slice(0, -storeDir.length)];
}

/** Where the store path lies on this machine. */
export function locate(location: TreeLocation, storePath: string): string {
  return location.directory + storePath.slice(location.storeDir.length);
}

/**
 * Looks at every path of the closure before anything moves, so that a missing one costs no half-made upload. Only the
 * path itself is looked at, not what is below. Throws ERR_NOT_FOUND, or ERR_IO if it may not be read.
 */
export function checkTrees({ paths }: Closure, location: TreeLocation): Steps<void> {
  return stepwise(paths, ({ path }) => {
    checkTree(path, location);
  });
}

/** As checkTrees, for one store path. */
export function checkTree(path: string, location: TreeLocation): void {
  const file = locate(location, path);
  try {
    // A store path may be a symbolic link, even one to nowhere; such a link can always be read.
    if (!lstatSync(file).isSymbolicLink()) accessSync(file, constants.R_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError(error, 'cannot read', file);
    const relocated = location.directory !== location.storeDir;
    throw new NixpushError('ERR_NOT_FOUND', `the store path ${path} is not in ${location.directory}`, {
      path,
      hint: relocated
        ? 'Is this the right --store directory?'
        : `Get it with \`nix-store --realise ${path}\`, or name the store it is in with --store DIR.`,
      cause: error,
    });
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
