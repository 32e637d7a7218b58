import { posix } from 'node:path';
import { NixpushError } from '../base/errors.ts';
import { KEPT_TEXTS } from '../layers/base-tree.ts';
import type { WrittenEntry } from '../layers/content.ts';
import { equalContents } from '../layers/file-content.ts';
import { inTarOrder } from '../layers/link-farm.ts';
import { LinkedDirectories } from '../layers/linked-directory.ts';
import type { RootFiles } from '../layers/over-base.ts';
import type { TreeListings } from '../nix/tree-listings.ts';

/** Who wants an entry: a place in the definition, for messages, and whether it is written there itself. */
export interface Origin {
  /** `contents[1]`, `files["/etc/motd"]` */
  readonly where: string;
  /** Written in the definition, and not found in a store path: it goes before what is found there. */
  readonly declared: boolean;
}

/** Of the files of users and groups, which have those of the base image in them. */
export const ACCOUNTS: Origin = { where: 'users and groups', declared: true };

interface Placed {
  readonly entry: WrittenEntry;
  readonly origin: Origin;
}

/** The files of a root, out of many origins. Declared entries are added before those of store paths. */
export class RootTree {
  readonly #placed = new Map<string, Placed>();
  readonly #directories: LinkedDirectories;
  readonly #file: string;

  /** `file` names the definition. */
  constructor(trees: TreeListings, file: string) {
    this.#directories = new LinkedDirectories(trees);
    this.#file = file;
  }

  /** With its parents. Throws ERR_FORMAT, naming both origins, where another one has something else at the place. */
  add(entry: WrittenEntry, origin: Origin): void {
    this.#addParents(entry.path, origin);
    const there = this.#placed.get(entry.path);
    const wanted = { entry, origin };
    if (there === undefined) this.#placed.set(entry.path, wanted);
    else if (!this.#agree(there, wanted)) throw this.#conflict(there, wanted);
  }

  /** As the root layer takes them. */
  files(): RootFiles {
    const placed = [...this.#placed.values()];
    const declared = placed.filter(({ entry, origin }) => entry.type === 'directory' && origin.declared);
    return {
      entries: inTarOrder(placed.map(({ entry }) => entry)),
      conflicts: [],
      declared: new Set(declared.map(({ entry }) => entry.path)),
      extended: new Set(KEPT_TEXTS.filter((path) => this.#placed.get(path)?.origin.where === ACCOUNTS.where)),
    };
  }

  #addParents(path: string, { where }: Origin): void {
    const parent = posix.dirname(path);
    if (parent === '/') return;
    this.add({ path: parent, type: 'directory', mode: 0o755 }, { where, declared: false });
  }

  /** Whether both can be there; puts in what that takes. */
  #agree(there: Placed, wanted: Placed): boolean {
    const { path, type } = wanted.entry;
    if (there.entry.type === 'directory' && type === 'directory') {
      if (wanted.origin.declared) this.#placed.set(path, wanted);
      return true;
    }
    if (there.origin.declared && !wanted.origin.declared && there.entry.type !== 'directory')
      return type !== 'directory';
    if (isSame(there.entry, wanted.entry)) return true;
    return this.#merge(there, wanted);
  }

  /** A link to a directory, as buildEnv makes them, gives way to a directory with links to what is in it. */
  #merge(there: Placed, wanted: Placed): boolean {
    const links = [there, wanted].filter(({ entry }) => entry.type === 'symlink');
    const children = links.map(({ entry }) => this.#directories.childrenOf(entry.target!));
    if (children.includes(undefined) || there.entry.type === 'file' || wanted.entry.type === 'file')
      return false;
    const { path } = wanted.entry;
    if (there.entry.type === 'symlink')
      this.#placed.set(path, { entry: { path, type: 'directory', mode: 0o755 }, origin: there.origin });
    for (const [at, { origin }] of links.entries())
      for (const target of children[at]!)
        this.add(
          { path: posix.join(path, posix.basename(target)), type: 'symlink', mode: 0o777, target },
          origin,
        );
    return true;
  }

  #conflict(there: Placed, wanted: Placed): NixpushError {
    const [one, other] = [there, wanted].map(({ entry }) => describe(entry));
    const { path } = wanted.entry;
    return new NixpushError(
      'ERR_FORMAT',
      `${this.#file}: ${there.origin.where} and ${wanted.origin.where} both have ${path}: ${one} and ${other}`,
      { path, hint: 'Take one of them out, or say in `links` or `files` what is to be there.' },
    );
  }
}

function isSame(a: WrittenEntry, b: WrittenEntry): boolean {
  if (a.type !== b.type || a.mode !== b.mode || a.target !== b.target) return false;
  if (a.content === undefined || b.content === undefined) return a.content === b.content;
  return equalContents(a.content, b.content);
}

function describe({ target, content }: WrittenEntry): string {
  if (target !== undefined) return `a link to ${target}`;
  if (content === undefined) return 'a directory';
  return 'bytes' in content ? 'a file' : `the file ${[content.storePath, content.name].join('/')}`;
}
