import type { Header } from 'tar-stream';
import type { PathNode } from '../nix/closure.ts';
import { NarSize } from '../nix/nar-size.ts';
import { ReferenceScan } from '../nix/reference-scan.ts';
import { isStorePath, parseStorePath, STORE_DIR } from '../nix/store-path.ts';
import type { TreeEntry } from '../nix/tree.ts';
import { readLayer, UnpackedBytes, type StoredLayer, type TarListener } from './read-layer.ts';

/** A store path as it was found in an image; its references are those to other paths there. */
export interface StoredPath extends PathNode {
  /** Number of the layer that holds it, from 0. */
  readonly layer: number;
}

/**
 * The store paths in an image and what they refer to, out of the bytes of its layers: for images whose store is not at
 * hand, whoever made them. `named` are the paths that the image says it holds; when it holds more, all is read twice,
 * because a reference can be found only by whoever knows what to look for. Throws what `readLayer` throws.
 */
export async function readStoredClosure(
  layers: readonly StoredLayer[],
  named: Iterable<string>,
): Promise<StoredPath[]> {
  const sought = new Set(named);
  for (;;) {
    const found = await scanLayers(layers, sought);
    if (found.every(({ path }) => sought.has(path))) return found;
    for (const { path } of found) sought.add(path);
  }
}

async function scanLayers(
  layers: readonly StoredLayer[],
  sought: ReadonlySet<string>,
): Promise<StoredPath[]> {
  const byHash = new Map([...sought].map((path) => [parseStorePath(path).hash, path]));
  const found = new Map<string, PathScan>();
  const bytes = new UnpackedBytes();
  for (const [layer, stored] of layers.entries()) {
    await readLayer(stored, bytes, new LayerScan(layer, found, new Set(byHash.keys())));
  }
  return [...found].map(([path, { layer, narSize, scan }]) => {
    const references = [...scan.found].map((hash) => byHash.get(hash)!).filter((other) => other !== path);
    return { path, narSize: narSize.total, references: references.sort(), layer };
  });
}

interface PathScan {
  readonly layer: number;
  readonly narSize: NarSize;
  readonly scan: ReferenceScan;
}

class LayerScan implements TarListener {
  readonly #layer: number;
  readonly #found: Map<string, PathScan>;
  readonly #hashes: ReadonlySet<string>;
  #current: PathScan | undefined;

  constructor(layer: number, found: Map<string, PathScan>, hashes: ReadonlySet<string>) {
    this.#layer = layer;
    this.#found = found;
    this.#hashes = hashes;
  }

  entry(header: Header): void {
    this.#current?.scan.end();
    this.#current = undefined;
    const [path, name] = splitName(header.name);
    if (path === undefined) return;
    const known = this.#found.get(path);
    const current = known ?? this.#add(path);
    // What a layer above repeats of a path is not counted twice.
    if (current.layer !== this.#layer) return;
    this.#current = current;
    current.narSize.add(treeEntry(header, name));
    // A link's target is part of the NAR, as names are.
    current.scan.push(Buffer.from(`${name} ${header.linkname ?? ''}`));
    current.scan.end();
  }

  content(piece: Uint8Array): void {
    this.#current?.scan.push(piece);
  }

  #add(path: string): PathScan {
    const added = { layer: this.#layer, narSize: new NarSize(), scan: new ReferenceScan(this.#hashes) };
    this.#found.set(path, added);
    return added;
  }
}

/** The store path that a tar's name lies in, and where in it. */
function splitName(name: string): [path: string | undefined, rest: string] {
  const absolute = `/${name.replace(/^[./]+/, '').replace(/\/+$/, '')}`;
  const end = absolute.indexOf('/', STORE_DIR.length + 1);
  const path = end < 0 ? absolute : absolute.slice(0, end);
  return isStorePath(path) ? [path, end < 0 ? '' : absolute.slice(end + 1)] : [undefined, ''];
}

function treeEntry({ type, mode, size, linkname }: Header, text: string): TreeEntry {
  const name = Buffer.from(text);
  if (type === 'directory') return { type, name };
  if (type === 'symlink') return { type, name, target: Buffer.from(linkname ?? '') };
  return { type: 'file', name, executable: (mode & 0o111) !== 0, size };
}
