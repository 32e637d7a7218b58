import { NixpushError } from '../../base/errors.ts';
import { walkTree } from '../../nix/directory-tree.ts';
import { NarSize } from '../../nix/nar-size.ts';
import { TreeFileReader } from '../../nix/tree-file-reader.ts';
import { capabilityAttribute } from '../capabilities.ts';
import type {
  EntryOwner,
  LayerContent,
  StorePathContent,
  StorePathsContent,
  TarContent,
  WrittenEntry,
} from '../content.ts';
import { contentSize, openContent } from '../file-content.ts';
import { permissionsOf, withPermissions } from '../permissions.ts';
import type { TarFormat } from '../tar-format.ts';
import type { TarEntry } from '../tar-header.ts';
import { nix2containerEntries } from './nix2container-entries.ts';
import { storeEntry } from './store-entry.ts';

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

/** The entries of a layer in the order of its tar. A tar that exists is not taken apart. */
export function layerEntries(
  content: Exclude<LayerContent, TarContent>,
  format: TarFormat = 'nixpkgs',
): Iterator<LayerEntry> {
  switch (content.kind) {
    case 'store-paths':
      return storePathEntries(content, format);
    case 'entries':
      return writtenEntries(content.entries, format);
    case 'nix2container':
      return nix2containerEntries(content);
  }
}

const ROOT: EntryOwner = { uid: 0, gid: 0, uname: 'root', gname: 'root' };

/** As nix2container: every layer begins with `/`, and what no store path brings along is root's. */
const TOP: TarEntry = { path: Buffer.from('/'), type: 'directory', mode: 0o755, size: 0, owner: ROOT };

/**
 * `/nix` and `/nix/store` first, in every layer, so that parents stand before children. Store paths come as planned, as
 * in streamLayeredImage; nix2container sorts them, as it does all names.
 */
function* storePathEntries(
  { trees, paths, permissions }: StorePathsContent,
  format: TarFormat,
): Generator<LayerEntry> {
  const permitted = permissionsOf(permissions ?? []);
  const isSorted = format === 'n2c';
  if (isSorted) yield { entry: TOP };
  for (const path of ['/nix', trees.storeDir]) {
    const entry = { path: Buffer.from(path), type: 'directory', mode: 0o755, size: 0 } as const;
    yield { entry: isSorted ? { ...entry, owner: ROOT } : entry };
  }
  const inOrder = isSorted ? paths.toSorted((a, b) => (a.path < b.path ? -1 : 1)) : paths;
  for (const storePath of inOrder) {
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

/** Names, sizes and links determine a NAR's size: comparing it finds deleted, added and truncated files at no cost. */
function checkNarSize({ path, narSize }: StorePathContent, found: number): void {
  if (found === narSize) return;
  throw new NixpushError(
    'ERR_INTEGRITY',
    `${path} is not what the closure says: its files make a NAR of ${found} bytes, not ${narSize}`,
    { path, hint: `A file was deleted, added or changed. Repair it with nix-store --repair-path ${path}.` },
  );
}

function* writtenEntries(entries: readonly WrittenEntry[], format: TarFormat): Generator<LayerEntry> {
  if (format === 'n2c') yield { entry: TOP };
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
