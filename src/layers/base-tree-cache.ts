import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, type Digest } from '../base/digest.ts';
import { BaseTree, type BaseDirectory, type BaseNode } from './base-tree.ts';

/** Trees that are kept: those used last. Each takes some hundred kilobytes. */
const MOST_TREES = 16;

/** A directory is `[mode, uid, gid, children]`, a link its target, a file 0. */
type Written = [number, number, number, Record<string, Written>] | string | 0;

/**
 * File trees of base images, one file each, named by the digest of the image's manifest: what a digest stands for never
 * changes. A tree that is lost or damaged is read again from the image.
 */
export class BaseTreeCache {
  readonly #directory: string;

  /** `directory` is the cache directory of nixpush. */
  constructor(directory: string) {
    this.#directory = join(directory, 'base');
  }

  async get(manifest: Digest): Promise<BaseTree | undefined> {
    try {
      const root = readNode(JSON.parse(await readFile(this.#file(manifest), 'utf8')) as Written);
      return root.type === 'directory' ? new BaseTree(root) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Never fails: without a cache the tree is read again. */
  async set(manifest: Digest, tree: BaseTree): Promise<void> {
    const temporary = join(this.#directory, `.${randomUUID()}`);
    try {
      await mkdir(this.#directory, { recursive: true });
      await writeFile(temporary, JSON.stringify(writtenNode(tree.root)));
      await rename(temporary, this.#file(manifest));
      await this.#shrink();
    } catch {
      // Read-only home, full disk.
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  /** The number before the dot is that of the format. */
  #file(manifest: Digest): string {
    return join(this.#directory, `${digestHex(manifest)}.1.json`);
  }

  async #shrink(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => !name.startsWith('.'));
    if (names.length <= MOST_TREES) return;
    const files = await Promise.all(
      names.map(async (name) => {
        const file = join(this.#directory, name);
        return { file, time: (await stat(file)).mtimeMs };
      }),
    );
    files.sort((a, b) => b.time - a.time);
    for (const { file } of files.slice(MOST_TREES)) await rm(file, { force: true });
  }
}

function writtenNode(node: BaseNode): Written {
  if (node.type === 'file') return 0;
  if (node.type === 'symlink') return node.target;
  const children = [...node.children].map(([name, child]) => [name, writtenNode(child)] as const);
  return [node.mode, node.uid, node.gid, Object.fromEntries(children)];
}

/** Throws if it is not what `writtenNode` gives. */
function readNode(written: Written): BaseNode {
  if (written === 0) return { type: 'file' };
  if (typeof written === 'string') return { type: 'symlink', target: written };
  const [mode, uid, gid, entries] = written;
  if (![mode, uid, gid].every(Number.isSafeInteger)) throw new TypeError('not a directory');
  const children = Object.entries(entries).map(([name, child]) => [name, readNode(child)] as const);
  const directory: BaseDirectory = { type: 'directory', mode, uid, gid, children: new Map(children) };
  return directory;
}
