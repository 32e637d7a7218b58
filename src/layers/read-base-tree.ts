import { posix } from 'node:path';
import type { Header } from 'tar-stream';
import { BaseLayerChanges, TreeBudget, type BaseEntry } from './base-layer-changes.ts';
import { BaseTree, KEPT_TEXTS } from './base-tree.ts';
import { readLayer, UnpackedBytes, type StoredLayer } from './read-layer.ts';

/** Bytes of a file whose text is kept. */
const MOST_KEPT = 2 ** 18;

/**
 * The file tree of a base image out of the tar headers of its layers, lowest first; contents go by unlooked at, but for
 * those of KEPT_TEXTS.
 * Throws ERR_FORMAT for tars that are damaged, hostile or too large, ERR_INTEGRITY, and what the sources throw.
 */
export async function readBaseTree(layers: readonly StoredLayer[]): Promise<BaseTree> {
  const tree = new BaseTree();
  const budget = new TreeBudget();
  const bytes = new UnpackedBytes();
  for (const layer of layers) {
    const changes = new BaseLayerChanges(budget);
    let pieces: Uint8Array[] | undefined;
    await readLayer(layer, bytes, {
      entry: (header) => {
        pieces = isKept(header) ? [] : undefined;
        changes.add({ ...entryOf(header), ...(pieces !== undefined && { pieces }) });
      },
      content: (piece) => pieces?.push(piece),
    });
    changes.applyTo(tree);
  }
  return tree;
}

function isKept({ name, type, size }: Header): boolean {
  return type === 'file' && size <= MOST_KEPT && KEPT_TEXTS.includes(posix.join('/', name));
}

function entryOf({ name, type, mode, uid, gid, linkname }: Header): BaseEntry {
  // So old tars write a directory.
  const isDirectory = type === 'directory' || (type === 'file' && name.endsWith('/'));
  return {
    name,
    type: isDirectory ? 'directory' : type === 'symlink' ? type : 'file',
    mode: mode & 0o7777,
    uid,
    gid,
    target: type === 'symlink' ? linkname || '' : '',
  };
}
