import { linkSync, mkdirSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { TreeLocation } from '../../src/nix/closure.ts';
import { walkTree } from '../../src/nix/directory-tree.ts';
import { NarSize } from '../../src/nix/nar-size.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { StorePathContent } from '../../src/layers/content.ts';

/** What stands at a name of a tree: a directory, a file's text, or a link. */
export type Node =
  Tree | string | Uint8Array | { link: string | Buffer } | { program: string } | { hard: string };
export interface Tree {
  [name: string]: Node;
}

/** A relocated store below `directory`, written file by file. */
export class StoreBuilder {
  readonly trees: TreeLocation;
  /** What `--store` wants. */
  readonly directory: string;
  #count = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.trees = { kind: 'directory', storeDir: '/nix/store', directory: join(directory, 'nix/store') };
    mkdirSync(this.trees.directory, { recursive: true });
  }

  /** Writes a store path and gives what a closure says of it. The hash part is a counter unless the name has one. */
  add(name: string, node: Node): StorePathContent {
    const hash = String(++this.#count).padStart(32, '0');
    const full = /^[0-9a-z]{32}-/.test(name) ? name : `${hash}-${name}`;
    write(Buffer.from(join(this.trees.directory, full)), node);
    return this.describe(`/nix/store/${full}`);
  }

  describe(path: string): StorePathContent {
    const size = new NarSize();
    for (const entry of walkTree(this.trees, path)) size.add(entry);
    return { path, narHash: sha256(path), narSize: size.total };
  }
}

function write(path: Buffer, node: Node): void {
  if (typeof node === 'string' || node instanceof Uint8Array) {
    writeFileSync(path, node);
    chmodSync(path, 0o444);
  } else if (isLink(node)) {
    symlinkSync(node.link, path);
  } else if (isProgram(node)) {
    writeFileSync(path, node.program);
    chmodSync(path, 0o555);
  } else if (isHard(node)) {
    linkSync(Buffer.concat([path.subarray(0, path.lastIndexOf('/') + 1), Buffer.from(node.hard)]), path);
  } else {
    mkdirSync(path);
    for (const [name, child] of Object.entries(node))
      write(Buffer.concat([path, Buffer.from('/'), bytes(name)]), child);
  }
}

/** A name such as `\xff` in a tree stands for that byte where it is written as `latin1:\xff`. */
function bytes(name: string): Buffer {
  return name.startsWith('latin1:') ? Buffer.from(name.slice('latin1:'.length), 'latin1') : Buffer.from(name);
}

function isLink(node: Tree | object): node is { link: string | Buffer } {
  return 'link' in node && (typeof node.link === 'string' || Buffer.isBuffer(node.link));
}

function isProgram(node: Tree | object): node is { program: string } {
  return 'program' in node && typeof node.program === 'string';
}

function isHard(node: Tree | object): node is { hard: string } {
  return 'hard' in node && typeof node.hard === 'string';
}
