#!/usr/bin/env node
// Writes nix/node-modules.json: the hash of node_modules for each system that the flake is for, and that of the
// package-lock.json it was made of. To be run after each change of that; it needs npm, not Nix.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SYSTEMS = ['x86_64-linux', 'aarch64-linux', 'x86_64-darwin', 'aarch64-darwin'];
const root = join(import.meta.dirname, '..');
const nix = join(root, 'nix');

function hashOfNodeModules(system) {
  const directory = mkdtempSync(join(tmpdir(), 'nixpush-hashes-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(join(root, file), join(directory, file));
    execFileSync('sh', [join(nix, 'node-modules.sh'), system], { cwd: directory, stdio: 'inherit' });
    const hash = createHash('sha256');
    for (const part of nar(join(directory, 'node_modules'))) hash.update(part);
    return `sha256-${hash.digest('base64')}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A Nix archive of what node-modules.sh leaves: directories, and files that are not executable. */
function* nar(directory) {
  yield* tokens('nix-archive-1');
  yield* directoryNode(directory);
}

function* directoryNode(directory) {
  yield* tokens('(', 'type', 'directory');
  const entries = readdirSync(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const path = join(directory, entry.name);
    yield* tokens('entry', '(', 'name', entry.name, 'node');
    if (entry.isDirectory()) yield* directoryNode(path);
    else yield* tokens('(', 'type', 'regular', 'contents', readFileSync(path), ')');
    yield* tokens(')');
  }
  yield* tokens(')');
}

function* tokens(...values) {
  for (const value of values) {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    yield length;
    yield bytes;
    yield Buffer.alloc(-bytes.length & 7);
  }
}

const hashes = {
  packageLock: createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex'),
  nodeModules: Object.fromEntries(SYSTEMS.map((system) => [system, hashOfNodeModules(system)])),
};
writeFileSync(join(nix, 'node-modules.json'), `${JSON.stringify(hashes, null, 2)}\n`);
