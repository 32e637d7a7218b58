import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { FileCache } from '../base/file-cache.ts';
import { BaseTree, type BaseDirectory, type BaseNode } from './base-tree.ts';

/** Trees that are kept: those used last. Each takes some hundred kilobytes. */
const MOST_TREES = 16;

/** A directory is `[mode, uid, gid, children]`, a link its target, a file 0, or its text. */
type Written = [number, number, number, Record<string, Written>] | string | 0 | { text: string };

/**
 * File trees of base images by the digest of the image's manifest: what a digest stands for never changes. A tree that
 * is lost or damaged is read again from the image.
 */
export class BaseTreeCache {
  readonly #files: FileCache;

  /** `directory` is the cache directory of nixpush. */
  constructor(directory: string) {
    this.#files = new FileCache(join(directory, 'base'), MOST_TREES);
  }

  get(manifest: Digest): BaseTree | undefined {
    try {
      const root = readNode(JSON.parse(this.#files.read(key(manifest)) ?? 'null') as Written);
      return root.type === 'directory' ? new BaseTree(root) : undefined;
    } catch {
      return undefined;
    }
  }

  set(manifest: Digest, tree: BaseTree): void {
    this.#files.write(key(manifest), JSON.stringify(writtenNode(tree.root)));
  }
}

/** The number is that of the format. */
function key(manifest: Digest): string {
  return `base tree 2 ${manifest}`;
}

function writtenNode(node: BaseNode): Written {
  if (node.type === 'file') return node.text === undefined ? 0 : { text: node.text };
  if (node.type === 'symlink') return node.target;
  const children = [...node.children].map(([name, child]) => [name, writtenNode(child)] as const);
  return [node.mode, node.uid, node.gid, Object.fromEntries(children)];
}

/** Throws if it is not what `writtenNode` gives. */
function readNode(written: Written): BaseNode {
  if (written === 0) return { type: 'file' };
  if (typeof written === 'string') return { type: 'symlink', target: written };
  if (!Array.isArray(written)) return { type: 'file', text: written.text };
  const [mode, uid, gid, entries] = written;
  if (![mode, uid, gid].every(Number.isSafeInteger)) throw new TypeError('not a directory');
  const children = Object.entries(entries).map(([name, child]) => [name, readNode(child)] as const);
  const directory: BaseDirectory = { type: 'directory', mode, uid, gid, children: new Map(children) };
  return directory;
}
