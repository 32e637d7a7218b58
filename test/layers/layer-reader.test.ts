import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseCodec } from '../../src/layers/codec.ts';
import type { StorePathContent } from '../../src/layers/content.ts';
import { LayerReader } from '../../src/layers/engine/layer-reader.ts';
import { ROOT_OWNER } from '../../src/layers/recipe.ts';
import type { TreeLocation } from '../../src/nix/closure.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { StoreBuilder, type Tree } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function readLayer(
  trees: TreeLocation,
  paths: readonly StorePathContent[],
): { diffId: string; size: number } {
  const content = { kind: 'store-paths', trees, paths } as const;
  const reader = new LayerReader({ content, owner: ROOT_OWNER, codec: parseCodec('none') });
  // Buffers that were used before hold anything.
  const block = new Uint8Array(parseCodec('none').blockSize).fill(0xa5);
  for (;;) {
    const { end } = reader.next(block);
    if (end !== undefined) return end;
  }
}

function pythonDigest(trees: TreeLocation, paths: readonly StorePathContent[]): string {
  const script = join(repoRoot, 'test/support/python/tar_writer.py');
  const args = [script, trees.storeDir, trees.directory, ...paths.map(({ path }) => path)];
  return execFileSync('python3', args, { encoding: 'utf8' }).trim();
}

suite('a layer of store paths is the one of streamLayeredImage', () => {
  const A = 'a'.repeat(32);
  const D90 = 'd'.repeat(90);

  // Computed by streamLayeredImage's own code.
  test('without paths', (t) => {
    const { trees } = new StoreBuilder(temporaryDirectory(t));
    assert.deepEqual(readLayer(trees, []), {
      diffId: 'sha256:51bd17f30e93810af6bf5676577745937afc69e167332e2b5d345b00a478c823',
      size: 10_240,
      crc32: 0,
    });
  });

  test('with a program and a link', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const hello = store.add(`${A}-hello`, {
      bin: { hello: { program: 'hi\n' } },
      lnk: { link: 'bin/hello' },
    });
    const { diffId, size } = readLayer(store.trees, [hello]);
    assert.equal(diffId, 'sha256:cf0a8265dbd4bf584d873861750b2e9aaf104911893d28ab02907072d82f2360');
    assert.equal(size, 10_240);
  });

  test('with a long and a non-ASCII name', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const hello = store.add(`${A}-hello`, { share: { [D90]: { 'é.txt': 'x' } } });
    const { diffId } = readLayer(store.trees, [hello]);
    assert.equal(diffId, 'sha256:facc9c9e2025e60acd62bbb4ce11b73dc7d3a1a383514274f54d645bbad71232');
  });
});

suite("a layer equals what Python's tarfile writes", () => {
  const nasty = (): Tree => {
    // Names whose full path in the tar has exactly these lengths: around the ustar limit, and far above.
    const prefix = `/nix/store/${'0'.repeat(31)}1-nasty/`.length;
    const exact = (length: number, fill: string): string => fill.repeat(length - prefix);
    return {
      ...Object.fromEntries([99, 100, 101].map((length) => [exact(length, 'f'), `${length}`])),
      ...Object.fromEntries([98, 99, 100, 101].map((length) => [exact(length, 'd'), {}])),
      [exact(256, 'x')]: 'a name of 256 bytes',
      deep: { ['p'.repeat(200)]: { ['q'.repeat(200)]: { ['r'.repeat(150)]: '600 bytes in all' } } },
      'naïve ☃ \u{1f600}.txt': 'beyond ASCII',
      'latin1:caf\xe9': 'not UTF-8',
      'latin1:\xe9\xff\x80': {
        'latin1:\xff': 'not UTF-8 below not UTF-8',
        'latin1:é': 'UTF-8 below not UTF-8',
      },
      'sorts-\uff5e': 'before the next in UTF-8, after it in UTF-16',
      'sorts-\u{1f600}': 'after the one before',
      'sorts-latin1': {},
      'a-b': 'after a/',
      a: { b: 'inside a' },
      'a.c': 'after a/',
      'empty file': '',
      'empty directory': {},
      '.hidden': { '.file': 'dot' },
      'to 100': { link: 't'.repeat(100) },
      'to 101': { link: 't'.repeat(101) },
      'to 600': { link: 't/'.repeat(300) },
      'to é': { link: 'é/☃' },
      'to bytes': { link: Buffer.from('caf\xe9', 'latin1') },
      'to nowhere': { link: '/nowhere' },
      'to directory': { link: 'a' },
      original: 'linked twice',
      'the other': { hard: 'original' },
      program: { program: '#!/bin/sh\n' },
      '512': 'x'.repeat(512),
      '513': 'x'.repeat(513),
      'quote\'"\\ and \n newline': 'odd',
    };
  };

  test('over a nasty tree', needs('python3'), (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const paths = [
      store.add('nasty', nasty()),
      store.add('file', 'a store path that is a file'),
      store.add('program', { program: 'a store path that is a program' }),
      store.add('link', { link: '/nix/store/nothing' }),
      store.add('empty', {}),
    ];
    assert.equal(readLayer(store.trees, paths).diffId, pythonDigest(store.trees, paths));
  });

  test('over 10,000 entries in one directory', needs('python3'), (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const many = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`${(i * 7919) % 10_007}-é`, String(i)]),
    );
    const paths = [store.add('many', many)];
    assert.equal(readLayer(store.trees, paths).diffId, pythonDigest(store.trees, paths));
  });

  test('whatever the modes in the file system are', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const one = store.add(`${'a'.repeat(32)}-x`, { f: 'text', p: { program: 'program' } });
    const before = readLayer(store.trees, [one]).diffId;
    execFileSync('chmod', ['-R', 'u+w,go-rwx', join(store.trees.directory, `${'a'.repeat(32)}-x`)]);
    assert.equal(readLayer(store.trees, [one]).diffId, before);
  });

  test('with hard links between files', needs('python3'), (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const path = store.add('hard', { a: 'same' });
    const at = join(store.trees.directory, path.path.slice('/nix/store/'.length));
    linkSync(join(at, 'a'), join(at, 'b'));
    const linked = store.describe(path.path);
    assert.equal(readLayer(store.trees, [linked]).diffId, pythonDigest(store.trees, [linked]));
  });
});

suite('a store path that is not what the closure says is refused', () => {
  const prepare = (t: {
    after(fn: () => void): void;
  }): { store: StoreBuilder; path: StorePathContent; at: string } => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const path = store.add('x', { a: 'content', b: 'x'.repeat(100_000) });
    return { store, path, at: join(store.trees.directory, path.path.slice('/nix/store/'.length)) };
  };

  test('a file was deleted', (t) => {
    const { store, path, at } = prepare(t);
    rmSync(join(at, 'a'));
    assert.throws(() => readLayer(store.trees, [path]), { code: 'ERR_INTEGRITY', path: path.path });
  });

  test('a file was added', (t) => {
    const { store, path, at } = prepare(t);
    writeFileSync(join(at, 'c'), '');
    assert.throws(() => readLayer(store.trees, [path]), { code: 'ERR_INTEGRITY' });
  });

  test('a file was cut short', (t) => {
    const { store, path, at } = prepare(t);
    execFileSync('chmod', ['u+w', join(at, 'b')]);
    truncateSync(join(at, 'b'), 10);
    assert.throws(() => readLayer(store.trees, [path]), { code: 'ERR_INTEGRITY' });
  });

  test('it is gone', (t) => {
    const { store, path, at } = prepare(t);
    rmSync(at, { recursive: true });
    assert.throws(() => readLayer(store.trees, [path]), { code: 'ERR_NOT_FOUND' });
  });
});
