import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Closure, TreeLocation } from '../../src/nix/closure.ts';
import { walkTree } from '../../src/nix/directory-tree.ts';
import { NarSize } from '../../src/nix/nar-size.ts';
import { atOnce } from '../../src/base/steps.ts';
import { checkTrees, treeLocation } from '../../src/nix/tree-location.ts';
import type { TreeEntry, TreeFile } from '../../src/nix/tree.ts';
import { TreeFileReader } from '../../src/nix/tree-file-reader.ts';
import { needs } from '../support/peers.ts';

const store = fs.mkdtempSync(join(tmpdir(), 'nixpush-tree-'));
after(() => fs.rmSync(store, { recursive: true }));
fs.mkdirSync(join(store, 'nix/store'), { recursive: true });
const location: TreeLocation = treeLocation(store);

let count = 0;
/** A new store path, not there yet, and where it lies. */
function newPath(): [path: string, file: string] {
  const path = `/nix/store/${String(count++).padStart(32, '0')}-x`;
  return [path, store + path];
}

function walk(path: string): TreeEntry[] {
  return [...walkTree(location, path)];
}

function names(entries: readonly TreeEntry[]): string[] {
  return entries.map((entry) => entry.name.toString());
}

const bytes = (...parts: (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));

test('a directory comes before what is in it, and its siblings after', () => {
  const [path, file] = newPath();
  for (const name of ['a/b', 'a-b', 'a.b', 'A']) fs.mkdirSync(join(file, name), { recursive: true });
  assert.deepEqual(names(walk(path)), ['', 'A', 'a', 'a/b', 'a-b', 'a.b']);
});

test('an entry has what a NAR knows of it', () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  fs.writeFileSync(join(file, 'data'), 'hello');
  fs.writeFileSync(join(file, 'run'), '', { mode: 0o755 });
  fs.symlinkSync('nowhere/at/all', join(file, 'link'));
  assert.deepEqual(walk(path), [
    { type: 'directory', name: bytes('') },
    { type: 'file', name: bytes('data'), executable: false, size: 5 },
    { type: 'symlink', name: bytes('link'), target: bytes('nowhere/at/all') },
    { type: 'file', name: bytes('run'), executable: true, size: 0 },
  ]);
});

test('only the owner may make a file executable', () => {
  const [path, file] = newPath();
  fs.writeFileSync(file, '');
  fs.chmodSync(file, 0o677);
  assert.deepEqual(walk(path), [{ type: 'file', name: bytes(''), executable: false, size: 0 }]);
});

test('a store path may be a symbolic link, which is not followed', () => {
  const [path, file] = newPath();
  fs.symlinkSync('/', file);
  assert.deepEqual(walk(path), [{ type: 'symlink', name: bytes(''), target: bytes('/') }]);
});

test('a link target keeps its bytes', () => {
  const [path, file] = newPath();
  fs.symlinkSync(bytes('t', 0xff, 0xfe), file);
  assert.deepEqual(walk(path)[0], { type: 'symlink', name: bytes(''), target: bytes('t', 0xff, 0xfe) });
});

test('names that sort differently in UTF-16 sort by code point', () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  for (const name of ['\u{1f600}', '\u{ffe0}', 'z']) fs.writeFileSync(join(file, name), '');
  assert.deepEqual(names(walk(path)), ['', 'z', '\u{ffe0}', '\u{1f600}']);
});

/** Every name of one or two of these: ASCII around the separators, UTF-8 of each length, and bytes that are no UTF-8. */
const FRAGMENTS: Buffer[] = [
  bytes('a'),
  bytes('-'),
  bytes('.x'),
  bytes(0x7f),
  bytes('é'),
  bytes('\u{d7ff}'),
  bytes('\u{e000}'),
  bytes('\u{1f600}'),
  bytes(0x80),
  bytes(0xff),
  bytes(0xc3),
  bytes(0xc0, 0x80),
  bytes(0xe2, 0x82),
  bytes(0xed, 0xa0, 0x80),
  bytes(0xf0, 0x9f, 0x98),
  bytes(0xf5, 0x80, 0x80, 0x80),
];

const SORTED_BY_PYTHON = `
import os, pathlib, sys
root = pathlib.Path(sys.argv[1])
paths = [pathlib.Path(d) / n for d, ds, fs in os.walk(root) for n in ds + fs]
for path in sorted(paths):
    print(os.fsencode(path.relative_to(root)).hex())
`;

test("names that are not UTF-8 have the order of Python's pathlib", needs('python3'), () => {
  const [path, file] = newPath();
  const root = Buffer.from(file);
  const all = FRAGMENTS.flatMap((a) => [a, ...FRAGMENTS.map((b) => Buffer.concat([a, b]))]);
  fs.mkdirSync(file);
  for (const name of all) fs.mkdirSync(Buffer.concat([root, bytes('/'), name]), { recursive: true });
  for (const name of FRAGMENTS) {
    fs.writeFileSync(Buffer.concat([root, bytes('/a/'), name]), '');
    fs.writeFileSync(Buffer.concat([root, bytes('/'), bytes(0xff), bytes('/'), name]), '');
  }
  const options = { encoding: 'utf8', env: { ...process.env, PYTHONUTF8: '1' } } as const;
  const python = execFileSync('python3', ['-c', SORTED_BY_PYTHON, file], options).trim().split('\n');
  const own = walk(path).map((entry) => entry.name.toString('hex'));
  assert.ok(own.length > 272);
  assert.deepEqual(own, ['', ...python]);
});

test('2,000 files in one directory come in order', () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  for (let i = 0; i < 2_000; i++) fs.writeFileSync(join(file, `f${i}`), '');
  const own = names(walk(path)).slice(1);
  assert.equal(own.length, 2_000);
  assert.deepEqual(own, [...own].sort());
});

test('a path deeper than the stack of a program is walked', () => {
  const [path, file] = newPath();
  fs.mkdirSync(join(file, ...Array.from({ length: 1500 }, () => 'd')), { recursive: true });
  assert.equal(walk(path).length, 1501);
});

test('a socket is refused by name', async () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  const server = createServer().listen(join(file, 'sock'));
  await once(server, 'listening');
  try {
    assert.throws(() => walk(path), {
      code: 'ERR_FORMAT',
      message: `cannot read ${file}/sock: it is neither a file, a directory nor a symbolic link`,
    });
  } finally {
    server.close();
  }
});

test('a store path that is missing is named', () => {
  const [path, file] = newPath();
  assert.throws(() => walk(path), {
    code: 'ERR_NOT_FOUND',
    message: `cannot read ${file}: it does not exist`,
  });
});

test('an error shows a strange name in one line', () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  execFileSync('mkfifo', [join(file, 'a\n\u{1b}[31mb')]);
  assert.throws(
    () => walk(path),
    (error: Error) => {
      assert.match(error.message, /\/a\u{fffd}\u{fffd}\[31mb: it is neither/u);
      return true;
    },
  );
});

function fileIn(path: string): TreeFile {
  const entry = walk(path).find((candidate) => candidate.type === 'file');
  assert.ok(entry);
  return entry;
}

test('a file is read from any position', () => {
  const [path, file] = newPath();
  fs.mkdirSync(file);
  fs.writeFileSync(join(file, 'data'), '0123456789');
  const reader = new TreeFileReader(location, path, fileIn(path));
  const target = Buffer.alloc(4);
  reader.read(0, target);
  assert.equal(target.toString(), '0123');
  reader.read(6, target);
  assert.equal(target.toString(), '6789');
  assert.throws(() => reader.read(7, target), RangeError);
  reader.close();
});

test('a file that is the store path itself is read', () => {
  const [path, file] = newPath();
  fs.writeFileSync(file, 'root');
  const reader = new TreeFileReader(location, path, fileIn(path));
  const target = Buffer.alloc(4);
  reader.read(0, target);
  reader.close();
  assert.equal(target.toString(), 'root');
});

for (const [name, text] of [
  ['shorter', '01'],
  ['longer', '0123456'],
]) {
  test(`a file that became ${name} is not opened`, () => {
    const [path, file] = newPath();
    fs.writeFileSync(file, '01234');
    const seen = fileIn(path);
    fs.writeFileSync(file, text!);
    assert.throws(() => new TreeFileReader(location, path, seen), {
      code: 'ERR_INTEGRITY',
      message: `cannot read ${file}: it changed while it was read`,
    });
  });
}

test('a file that is cut short while it is read is an error', () => {
  const [path, file] = newPath();
  fs.writeFileSync(file, '01234');
  const reader = new TreeFileReader(location, path, fileIn(path));
  fs.truncateSync(file, 2);
  assert.throws(() => reader.read(0, Buffer.alloc(5)), { code: 'ERR_INTEGRITY' });
  reader.close();
});

test('a file that was deleted is named', () => {
  const [path, file] = newPath();
  fs.writeFileSync(file, '');
  const seen = fileIn(path);
  fs.rmSync(file);
  assert.throws(() => new TreeFileReader(location, path, seen), { code: 'ERR_NOT_FOUND', path: file });
});

test('a file that was replaced by a link is not followed', () => {
  const [path, file] = newPath();
  fs.writeFileSync(file, '');
  const seen = fileIn(path);
  fs.rmSync(file);
  fs.symlinkSync('/dev/null', file);
  assert.throws(() => new TreeFileReader(location, path, seen), { code: 'ERR_IO' });
});

function narSizeOf(...entries: TreeEntry[]): number {
  const size = new NarSize();
  for (const entry of entries) size.add(entry);
  return size.total;
}

// 112 bytes is the NAR of an empty file, as `nix-store --dump` writes it.
for (const [size, expected] of [
  [0, 112],
  [1, 120],
  [8, 120],
  [9, 128],
  [2 ** 31 + 1, 2 ** 31 + 120],
  [6 * 2 ** 30, 6 * 2 ** 30 + 112],
  [2 ** 43 + 7, 2 ** 43 + 120],
] as const) {
  test(`the NAR of a file of ${size} bytes has ${expected}`, () => {
    assert.equal(narSizeOf({ type: 'file', name: bytes(''), executable: false, size }), expected);
  });
}

test('a closure whose paths all lie there passes, a link to nowhere among them', () => {
  const [link, linkFile] = newPath();
  const [directory, directoryFile] = newPath();
  fs.symlinkSync('nowhere', linkFile);
  fs.mkdirSync(directoryFile);
  atOnce(checkTrees(closureOf(link, directory), location));
});

test('a path of the closure that is missing is named, with the way to get it', () => {
  const [path] = newPath();
  assert.throws(() => atOnce(checkTrees(closureOf(path), location)), {
    code: 'ERR_NOT_FOUND',
    message: `the store path ${path} is not in ${store}/nix/store`,
    hint: 'Is this the right --store directory?',
  });
  assert.throws(() => atOnce(checkTrees(closureOf(path), treeLocation())), {
    code: 'ERR_NOT_FOUND',
    message: `the store path ${path} is not in /nix/store`,
    hint: /nix-store --realise/,
  });
});

const asRoot = process.getuid?.() === 0 ? { skip: 'root may read everything' } : {};
test('a path of the closure that may not be read is an error', asRoot, () => {
  const [path, file] = newPath();
  fs.mkdirSync(file, { mode: 0 });
  assert.throws(() => atOnce(checkTrees(closureOf(path), location)), {
    code: 'ERR_IO',
    message: `cannot read ${file}: permission denied`,
  });
});

function closureOf(...paths: string[]): Closure {
  const infos = paths.map((path) => ({
    path,
    narHash: `sha256:${'0'.repeat(64)}` as const,
    narSize: 112,
    references: [],
  }));
  return { roots: paths, paths: infos };
}
