import { NixpushError } from '../../base/errors.ts';
import { walkTree } from '../../nix/directory-tree.ts';
import { NarSize } from '../../nix/nar-size.ts';
import { TreeFileReader } from '../../nix/tree-file-reader.ts';
import type { TreeEntry } from '../../nix/tree.ts';
import { capabilityAttribute } from '../capabilities.ts';
import type { LayerContent, StorePathContent, StorePathsContent, WrittenEntry } from '../content.ts';
import { contentSize, openContent } from '../file-content.ts';
import { permissionsOf, withPermissions } from '../permissions.ts';
import type { TarEntry } from '../tar-header.ts';

/** An entry of a layer and, for a file, how to read it. */
export interface LayerEntry {
  readonly entry: TarEntry;
  readonly open?: () => OpenFile;
}

export interface OpenFile {
  /** Fills `into` completely from `position`, or throws. */
  read(position: number, into: Uint8Array): void;
  close(): void;
}

/** The entries of a layer in the order of its tar. */
export function layerEntries(content: LayerContent): Iterator<LayerEntry> {
  return content.kind === 'store-paths' ? storePathEntries(content) : writtenEntries(content.entries);
}

/** As streamLayeredImage: `/nix` and `/nix/store` first, in every layer, so that parents stand before children. */
function* storePathEntries({ trees, paths, permissions }: StorePathsContent): Generator<LayerEntry> {
  const permitted = permissionsOf(permissions ?? []);
  const parents = ['/nix', trees.storeDir];
  for (const path of parents)
    yield { entry: { path: Buffer.from(path), type: 'directory', mode: 0o755, size: 0 } };
  for (const storePath of paths) {
    const narSize = new NarSize();
    for (const entry of walkTree(trees, storePath.path)) {
      narSize.add(entry);
      yield {
        entry: withPermissions(storeEntry(storePath.path, entry), permitted),
        ...(entry.type === 'file' && { open: () => new TreeFileReader(trees, storePath.path, entry) }),
      };
    }
    checkNarSize(storePath, narSize.total);
  }
}

/** Modes as a NAR has them, whatever this file system says: nothing depends on umask or on who unpacked the store. */
function storeEntry(storePath: string, entry: TreeEntry): TarEntry {
  const path = Buffer.from(storePath);
  const at = entry.name.length === 0 ? path : Buffer.concat([path, Buffer.from('/'), entry.name]);
  switch (entry.type) {
    case 'directory':
      return { path: at, type: 'directory', mode: 0o555, size: 0 };
    case 'file':
      return { path: at, type: 'file', mode: entry.executable ? 0o555 : 0o444, size: entry.size };
    case 'symlink':
      return { path: at, type: 'symlink', mode: 0o777, size: 0, target: entry.target };
  }
}

/** Names, sizes and links determine a NAR's size: comparing it finds deleted, added and truncated files at no cost. */
function checkNarSize({ path, narSize }: StorePathContent, found: number): void {
  if (found === narSize) return;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${path} is not what the closure says: its files make a NAR of ${found} bytes, not ${narSize}`,
    { path, hint: `A file was deleted, added or changed. Repair it with nix-store --repair-path ${path}.` },
  );
}

function* writtenEntries(entries: readonly WrittenEntry[]): Generator<LayerEntry> {
  for (const { path, type, mode, target, content, owner, capabilities } of entries)
    yield {
      entry: {
        path: Buffer.from(path),
        type,
        mode,
        size: content === undefined ? 0 : contentSize(content),
        ...(target !== undefined && { target: Buffer.from(target) }),
        ...(owner !== undefined && { owner }),
        ...(capabilities !== undefined && { capability: capabilityAttribute(capabilities) }),
      },
      ...(content !== undefined && { open: () => openContent(content) }),
    };
}
