import { posix } from 'node:path';
import { isStorePath, storePathOf, STORE_DIR } from '../nix/store-path.ts';
import type { TreeListings } from '../nix/tree-listings.ts';
import type { TreeEntry } from '../nix/tree.ts';

/** As in Linux: a chain longer than this is taken for a loop. */
const MOST_LINKS = 40;

/** Finds directories behind links in store paths: `sbin -> bin`, or `bin -> /nix/store/…-hello/bin` as buildEnv makes them. */
export class LinkedDirectories {
  readonly #trees: TreeListings;
  /** Of each store path: its entries by name. */
  readonly #entries = new Map<string, Map<string, TreeEntry>>();

  constructor(trees: TreeListings) {
    this.#trees = trees;
  }

  /** What is in the directory that `path`, a place in a store path, leads to: absolute paths. undefined if it is none. */
  childrenOf(path: string): string[] | undefined {
    const real = this.#follow(path);
    if (real === undefined) return undefined;
    const storePath = storePathOf(real);
    const prefix = real === storePath ? '' : `${real.slice(storePath.length + 1)}/`;
    return [...this.#entriesOf(storePath).keys()]
      .filter((name) => name !== '' && name.startsWith(prefix) && !name.slice(prefix.length).includes('/'))
      .map((name) => `${storePath}/${name}`);
  }

  /** The directory's own path, no link left in it; undefined if it is no directory, or not in the store. */
  #follow(path: string): string | undefined {
    const waiting = namesOf(path);
    let real = '/';
    for (let links = 0; waiting.length > 0;) {
      const name = waiting.shift()!;
      const next = posix.join(real, name);
      const entry = this.#entryAt(next);
      if (entry?.type === 'symlink') {
        if (++links > MOST_LINKS) return undefined;
        const target = entry.target.toString();
        if (target.startsWith('/')) real = '/';
        waiting.unshift(...namesOf(target));
      } else {
        real = next;
      }
    }
    return this.#entryAt(real)?.type === 'directory' ? real : undefined;
  }

  #entryAt(path: string): TreeEntry | undefined {
    const name = path.startsWith(`${STORE_DIR}/`) ? path.slice(STORE_DIR.length + 1) : undefined;
    const storePath = name === undefined ? undefined : `${STORE_DIR}/${name.split('/', 1)[0]}`;
    if (storePath === undefined || !isStorePath(storePath)) return undefined;
    return this.#entriesOf(storePath).get(path.slice(storePath.length + 1));
  }

  #entriesOf(storePath: string): Map<string, TreeEntry> {
    let entries = this.#entries.get(storePath);
    if (entries === undefined) {
      entries = new Map(this.#trees.of(storePath).map((entry) => [entry.name.toString(), entry]));
      this.#entries.set(storePath, entries);
    }
    return entries;
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
