import { FileCache } from '../base/file-cache.ts';
import { atOnce, stepwise, type Steps } from '../base/steps.ts';
import type { ClosurePath, TreeLocation } from './closure.ts';
import { walkTree } from './directory-tree.ts';
import type { TreeEntry } from './tree.ts';

/** Listings that are kept: those used last. One of a large environment takes some megabytes. */
const MOST_LISTINGS = 32;

/** Type, name in Latin-1, which holds any bytes, and what the type has: size and executable bit, or target. */
type Written = ['d', string] | ['f', string, number, boolean] | ['l', string, string];

/**
 * What is in the trees of store paths, each walked once. With a cache a tree is walked once for all processes: its NAR
 * hash stands for all that is in it.
 */
export class TreeListings {
  readonly trees: TreeLocation;
  readonly #narHashes: ReadonlyMap<string, string>;
  readonly #files: FileCache | undefined;
  readonly #listings = new Map<string, readonly TreeEntry[]>();

  /** `directory`: where listings of `paths` are kept. */
  constructor(trees: TreeLocation, paths: readonly ClosurePath[] = [], directory?: string) {
    this.trees = trees;
    this.#narHashes = new Map(paths.map(({ path, narHash }) => [path, narHash]));
    this.#files = directory === undefined ? undefined : new FileCache(directory, MOST_LISTINGS);
  }

  /** As walkTree gives them, and throws. */
  of(storePath: string): readonly TreeEntry[] {
    return atOnce(this.listed(storePath));
  }

  /** As `of`: a large tree takes long. */
  *listed(storePath: string): Steps<readonly TreeEntry[]> {
    let listing = this.#listings.get(storePath);
    if (listing === undefined) {
      listing = yield* this.#remembered(storePath);
      this.#listings.set(storePath, listing);
    }
    return listing;
  }

  *#remembered(storePath: string): Steps<readonly TreeEntry[]> {
    const narHash = this.#narHashes.get(storePath);
    if (this.#files === undefined || narHash === undefined) return yield* this.#walked(storePath);
    // The number is that of the format.
    const key = `listing 1 ${storePath} ${narHash}`;
    const known = yield* parse(this.#files.read(key));
    if (known !== undefined) return known;
    const entries = yield* this.#walked(storePath);
    this.#files.write(key, JSON.stringify(entries.map(written)));
    return entries;
  }

  *#walked(storePath: string): Steps<TreeEntry[]> {
    const entries: TreeEntry[] = [];
    yield* stepwise(walkTree(this.trees, storePath), (entry) => entries.push(entry));
    return entries;
  }
}

function written(entry: TreeEntry): Written {
  const name = entry.name.toString('latin1');
  if (entry.type === 'directory') return ['d', name];
  if (entry.type === 'file') return ['f', name, entry.size, entry.executable];
  return ['l', name, entry.target.toString('latin1')];
}

/** undefined for what is damaged. */
function* parse(text: string | undefined): Steps<TreeEntry[] | undefined> {
  if (text === undefined) return undefined;
  try {
    const entries: TreeEntry[] = [];
    yield* stepwise(JSON.parse(text) as Written[], (entry) => entries.push(read(entry)));
    return entries;
  } catch {
    return undefined;
  }
}

function read([type, latin1, value, executable]: Written): TreeEntry {
  const name = Buffer.from(latin1, 'latin1');
  if (type === 'd') return { type: 'directory', name };
  if (type === 'l') return { type: 'symlink', name, target: Buffer.from(value, 'latin1') };
  if (type === 'f' && Number.isSafeInteger(value) && typeof executable === 'boolean')
    return { type: 'file', name, size: value, executable };
  throw new TypeError('not an entry');
}
