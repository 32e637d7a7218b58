import type { TreeEntry } from './tree.ts';

/** A string in a NAR: its length in 8 bytes, then its bytes, padded with zeros to a multiple of 8. */
function stringSize(length: number): number {
  return 8 + Math.ceil(length / 8) * 8;
}

function tokensSize(...tokens: string[]): number {
  return tokens.reduce((sum, token) => sum + stringSize(token.length), 0);
}

// The grammar of a NAR (Nix manual, "Nix Archive (NAR) format").
const MAGIC = tokensSize('nix-archive-1');
const FILE = tokensSize('(', 'type', 'regular', 'contents', ')');
const EXECUTABLE = tokensSize('executable', '');
const SYMLINK = tokensSize('(', 'type', 'symlink', 'target', ')');
const DIRECTORY = tokensSize('(', 'type', 'directory', ')');
const DIRECTORY_ENTRY = tokensSize('entry', '(', 'name', 'node', ')');
const SLASH = 0x2f;

/**
 * Adds up how long the NAR of a file tree is, without making it. Compared with the narSize that Nix recorded it shows
 * files that were deleted, added or cut short since, at the price of an addition for each.
 */
export class NarSize {
  #total = MAGIC;

  /** Each entry of the tree once, in any order. */
  add(entry: TreeEntry): void {
    this.#total += nodeSize(entry);
    if (entry.name.length > 0) {
      this.#total += DIRECTORY_ENTRY + stringSize(entry.name.length - entry.name.lastIndexOf(SLASH) - 1);
    }
  }

  /** Bytes. */
  get total(): number {
    return this.#total;
  }
}

function nodeSize(entry: TreeEntry): number {
  switch (entry.type) {
    case 'file':
      return FILE + (entry.executable ? EXECUTABLE : 0) + stringSize(entry.size);
    case 'symlink':
      return SYMLINK + stringSize(entry.target.length);
    case 'directory':
      return DIRECTORY;
  }
}
