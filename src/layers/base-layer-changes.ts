import { NixpushError } from '../base/errors.ts';
import { emptyDirectory, type BaseDirectory, type BaseNode, type BaseTree } from './base-tree.ts';

/** What a tar header says, as far as it matters here. */
export interface BaseEntry {
  /** As it stands in the tar: `./usr/bin/`. */
  readonly name: string;
  readonly type: 'directory' | 'symlink' | 'file';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target: string;
  /** What is in the file, where that is kept; complete when all of the layer is read. */
  readonly pieces?: readonly Uint8Array[];
}

const PATH_MAX = 4096;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** What an entry takes in memory beside its names, about. */
const ENTRY_BYTES = 200;

/** Bytes of memory that a base image's file tree may take: enough for a million files. Shared by all its layers. */
const MOST_BYTES = 256 * 2 ** 20;

export class TreeBudget {
  #left: number;

  constructor(bytes: number = MOST_BYTES) {
    this.#left = bytes;
  }

  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new NixpushError('ERR_FORMAT', 'the base image has too many files to make a root layer over it', {
        hint: 'Leave out the root layer with --no-links.',
      });
  }
}

/**
 * What one layer changes (image-spec, layer.md). Collected first, then applied: whiteouts hide what is in the layers
 * below, wherever they stand in this one.
 */
export class BaseLayerChanges {
  readonly #hidden: string[][] = [];
  readonly #emptied: string[][] = [];
  readonly #entries: { readonly names: string[]; readonly entry: BaseEntry }[] = [];
  readonly #budget: TreeBudget;

  constructor(budget: TreeBudget) {
    this.#budget = budget;
  }

  /** Throws ERR_FORMAT for a name that leads out of the image. */
  add(entry: BaseEntry): void {
    const names = namesIn(entry);
    // No link farm reaches into store paths, and they are most of the files of an image from Nix.
    if (names[0] === 'nix' && names[1] === 'store' && names.length > 2) return;
    this.#budget.take(ENTRY_BYTES + entry.name.length + entry.target.length);
    const last = names.at(-1) ?? '';
    if (last === OPAQUE) this.#emptied.push(names.slice(0, -1));
    // Notes that AUFS keeps for itself, in old images.
    else if (names.some((part) => part.startsWith(`${WHITEOUT}${WHITEOUT}`))) return;
    else if (last.startsWith(WHITEOUT))
      this.#hidden.push([...names.slice(0, -1), last.slice(WHITEOUT.length)]);
    else this.#entries.push({ names, entry });
  }

  applyTo(tree: BaseTree): void {
    for (const names of this.#hidden) {
      const parent = tree.at(`/${names.slice(0, -1).join('/')}`);
      if (parent?.type === 'directory') parent.children.delete(names.at(-1)!);
    }
    for (const names of this.#emptied) {
      const directory = tree.at(`/${names.join('/')}`);
      if (directory?.type === 'directory') directory.children.clear();
    }
    for (const { names, entry } of this.#entries) place(tree, names, entry, this.#budget);
  }
}

function place(tree: BaseTree, names: readonly string[], entry: BaseEntry, budget: TreeBudget): void {
  const { mode, uid, gid } = entry;
  const name = names.at(-1);
  const parent = name === undefined ? undefined : directoryAt(tree, names.slice(0, -1), budget);
  const there = name === undefined ? tree.root : parent!.children.get(name);
  if (entry.type === 'directory' && there?.type === 'directory') Object.assign(there, { mode, uid, gid });
  else if (name !== undefined) parent!.children.set(name, nodeOf(entry));
}

/** Directories that no layer describes are made as they are needed, as engines do; a file in the way is replaced. */
function directoryAt(tree: BaseTree, names: readonly string[], budget: TreeBudget): BaseDirectory {
  let directory = tree.root;
  for (const [at, name] of names.entries()) {
    let next = directory.children.get(name);
    if (next?.type === 'symlink') next = behindLink(tree, `/${names.slice(0, at + 1).join('/')}`);
    if (next?.type !== 'directory') {
      budget.take(ENTRY_BYTES);
      next = emptyDirectory();
      directory.children.set(name, next);
    }
    directory = next;
  }
  return directory;
}

/** An entry may be named by way of a link of a layer below: `bin/sh` where `bin` leads to `usr/bin`. */
function behindLink(tree: BaseTree, path: string): BaseNode | undefined {
  return tree.isDirectory(path) ? tree.at(tree.realDirectory(path)) : undefined;
}

function nodeOf({ type, mode, uid, gid, target, pieces }: BaseEntry): BaseNode {
  switch (type) {
    case 'directory':
      return { type, mode, uid, gid, children: new Map() };
    case 'symlink':
      return { type, target };
    case 'file':
      return { type, ...(pieces !== undefined && { text: Buffer.concat(pieces).toString() }) };
  }
}

function namesIn({ name, target }: BaseEntry): string[] {
  const names = name.split('/').filter((part) => part !== '' && part !== '.');
  const isHostile = names.includes('..') || name.includes('\0') || target.includes('\0');
  if (!isHostile && name.length <= PATH_MAX && target.length <= PATH_MAX) return names;
  throw new NixpushError(
    'ERR_FORMAT',
    `a layer of the base image has a file whose name leads out of it or is too long: ${JSON.stringify(name.slice(0, 100))}`,
  );
}
