import { posix } from 'node:path';
import { NixpushError } from '../base/errors.ts';
import type { TreeListings } from '../nix/tree-listings.ts';
import type { BaseTree } from './base-tree.ts';
import type { WrittenEntry } from './content.ts';
import { inTarOrder, place, type LinkConflict, type LinkFarm } from './link-farm.ts';
import { LinkedDirectories } from './linked-directory.ts';

/** What is to be at `/`. */
export interface RootFiles extends LinkFarm {
  /** Directories among the entries that have their mode and owner also where the base image has others. */
  readonly declared?: ReadonlySet<string>;
  /** Files that have in them what the base image's have: nothing gets lost. */
  readonly extended?: ReadonlySet<string>;
}

export interface LinkFarmOverBase extends LinkFarm {
  /** Files and links of the base image that others take the place of. */
  readonly replaced: readonly string[];
}

/** Links to directories inside linked directories: more are a circle. */
const MOST_LEVELS = 40;

/**
 * Fits a link farm to the files of a base image, so that nothing of the base gets lost but what is replaced one by one:
 * where the base has `/bin -> usr/bin`, `/bin/hello` becomes `/usr/bin/hello`; directories keep the base's mode and
 * owner; a link to a directory, where the base has one, becomes links to what is in it.
 * Throws ERR_FORMAT where the one has a file and the other a directory.
 */
export function overBase(farm: RootFiles, base: BaseTree, trees: TreeListings): LinkFarmOverBase {
  const fitted = new FittedFarm(base, trees, farm);
  for (const entry of farm.entries) fitted.add(entry, 0);
  for (const entry of farm.entries) if (farm.declared?.has(entry.path) === true) fitted.declare(entry);
  return fitted.result();
}

class FittedFarm {
  readonly #base: BaseTree;
  readonly #directories: LinkedDirectories;
  readonly #entries = new Map<string, WrittenEntry>();
  readonly #conflicts: LinkConflict[];
  readonly #replaced = new Set<string>();
  readonly #extended: ReadonlySet<string>;

  constructor(base: BaseTree, trees: TreeListings, { conflicts, extended = new Set() }: RootFiles) {
    this.#base = base;
    this.#directories = new LinkedDirectories(trees);
    this.#conflicts = [...conflicts];
    this.#extended = extended;
  }

  add(entry: WrittenEntry, level: number): void {
    if (entry.type === 'directory') {
      this.#addDirectory(this.#base.realDirectory(entry.path));
      return;
    }
    const parent = this.#base.realDirectory(posix.dirname(entry.path));
    const path = posix.join(parent, posix.basename(entry.path));
    if (this.#base.isDirectory(path)) {
      this.#addContent({ ...entry, path }, level);
      return;
    }
    this.#addDirectory(parent);
    if (this.#base.at(path) !== undefined && !this.#extended.has(entry.path)) this.#replaced.add(path);
    place(this.#entries, this.#conflicts, { ...entry, path });
  }

  /** Of a directory that was added. */
  declare(entry: WrittenEntry): void {
    const path = this.#base.realDirectory(entry.path);
    this.#entries.set(path, { ...entry, path });
  }

  result(): LinkFarmOverBase {
    return {
      entries: inTarOrder(this.#entries.values()),
      conflicts: this.#conflicts,
      replaced: [...this.#replaced],
    };
  }

  /** With its parents; a real path. */
  #addDirectory(path: string): void {
    if (path === '/') return;
    this.#addDirectory(posix.dirname(path));
    const there = this.#base.at(path);
    const known = there?.type === 'directory' ? there : undefined;
    const isRoots = known === undefined || (known.uid === 0 && known.gid === 0);
    place(this.#entries, this.#conflicts, {
      path,
      type: 'directory',
      mode: known?.mode ?? 0o755,
      ...(!isRoots && { owner: { uid: known.uid, gid: known.gid } }),
    });
  }

  #addContent({ path, target }: WrittenEntry, level: number): void {
    const children =
      target !== undefined && level < MOST_LEVELS ? this.#directories.childrenOf(target) : undefined;
    if (children === undefined)
      throw new NixpushError(
        'ERR_FORMAT',
        `${path} is a directory in the base image, but ${target ?? 'a file here'} is none: both cannot be there`,
        { path, hint: 'Push another path, or leave out the root layer with --no-links.' },
      );
    for (const child of children) {
      const childPath = posix.join(path, posix.basename(child));
      // Where the base has nothing, a whole directory is linked like a file.
      this.add({ path: childPath, type: 'symlink', mode: 0o777, target: child }, level + 1);
    }
  }
}
