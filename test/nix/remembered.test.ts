import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { FileCache } from '../../src/base/file-cache.ts';
import { ClosureCache, closureFingerprint } from '../../src/nix/closure-cache.ts';
import type { Closure, ClosurePath, ClosureSource } from '../../src/nix/closure.ts';
import { atOnce } from '../../src/base/steps.ts';
import { makeClosure } from '../../src/nix/make-closure.ts';
import { walkTree } from '../../src/nix/directory-tree.ts';
import { TreeListings } from '../../src/nix/tree-listings.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

/** A store of two paths that counts how often its closure is asked for. */
class CountedSource implements ClosureSource {
  readonly store: StoreBuilder;
  readonly paths: readonly ClosurePath[];
  asked = 0;

  constructor(t: Test) {
    this.store = new StoreBuilder(temporaryDirectory(t));
    const library = this.store.add('library', { lib: 'x' });
    const app = this.store.add('app', { bin: { app: { program: '' } }, link: { link: 'bin/app' } });
    this.paths = [
      { ...library, references: [] },
      { ...app, references: [library.path] },
    ];
  }

  get trees(): StoreBuilder['trees'] {
    return this.store.trees;
  }

  get root(): string {
    return this.paths[1]!.path;
  }

  async closure(roots: readonly string[]): Promise<Closure> {
    this.asked++;
    return atOnce(makeClosure(roots, this.paths, 'the test'));
  }
}

function overwriteAll(directory: string, text: string): void {
  for (const file of readdirSync(directory)) writeFileSync(join(directory, file), text);
}

suite('a closure', () => {
  test('is asked for once', async (t) => {
    const source = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const first = await new ClosureCache(source, directory).closure([source.root]);
    const second = await new ClosureCache(source, directory).closure([source.root]);
    assert.deepEqual(second, first);
    assert.equal(source.asked, 1);
    await new ClosureCache(source, directory).closure([source.paths[0]!.path]);
    assert.equal(source.asked, 2);
  });

  test('is asked for again when something else stands at one of its paths', async (t) => {
    const source = new CountedSource(t);
    const cache = new ClosureCache(source, temporaryDirectory(t));
    await cache.closure([source.root]);
    const library = join(source.store.directory, source.paths[0]!.path);
    // As when it was deleted and built again, with the same name and the same times.
    renameSync(library, `${library}.old`);
    const again = source.store.add(library.split('/').at(-1)!, { lib: 'y' });
    assert.equal(again.path, source.paths[0]!.path);
    await cache.closure([source.root]);
    assert.equal(source.asked, 2);
    rmSync(library, { recursive: true });
    await cache.closure([source.root]);
    assert.equal(source.asked, 3);
  });

  test('is known by its fingerprint without being asked for', async (t) => {
    const source = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const first = await new ClosureCache(source, directory).fingerprint([source.root]);
    assert.equal(first, closureFingerprint(await source.closure([source.root])));
    source.asked = 0;
    assert.equal(await new ClosureCache(source, directory).fingerprint([source.root]), first);
    assert.equal(source.asked, 0);
    assert.notEqual(await new ClosureCache(source, directory).fingerprint([source.paths[0]!.path]), first);
  });

  test('has its fingerprint taken anew when something else stands at one of its paths', async (t) => {
    const source = new CountedSource(t);
    const cache = new ClosureCache(source, temporaryDirectory(t));
    await cache.fingerprint([source.root]);
    const library = join(source.store.directory, source.paths[0]!.path);
    renameSync(library, `${library}.old`);
    source.store.add(library.split('/').at(-1)!, { lib: 'y' });
    await cache.fingerprint([source.root]);
    assert.equal(source.asked, 2);
  });

  test('that is remembered wrongly is asked for again', async (t) => {
    const source = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const cache = new ClosureCache(source, directory);
    for (const text of [
      '',
      '{',
      '{}',
      '[]',
      '{"paths":[],"identities":[]}',
      `{"fingerprint":"sha256:${'0'.repeat(64)}","identities":[]}\n[]`,
      `{"fingerprint":"sha256:${'0'.repeat(64)}","identities":[["/nix/store/x","1 2"]]}\n[]`,
    ]) {
      for (const ask of ['closure', 'fingerprint'] as const) {
        await cache.closure([source.root]);
        overwriteAll(directory, text);
        source.asked = 0;
        await cache[ask]([source.root]);
        assert.equal(source.asked, 1, `${ask}: ${text}`);
      }
    }
  });

  test('whose paths are remembered wrongly is asked for again', async (t) => {
    const source = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const cache = new ClosureCache(source, directory);
    const closure = await cache.closure([source.root]);
    const [head] = readFileSync(join(directory, readdirSync(directory)[0]!), 'utf8').split('\n');
    for (const paths of ['', '\n', '\n{', '\n[{}]', '\n[]']) {
      overwriteAll(directory, `${head}${paths}`);
      source.asked = 0;
      assert.deepEqual(await cache.closure([source.root]), closure);
      assert.equal(source.asked, 1, paths);
    }
  });
});

suite('the listing of a tree', () => {
  test('is remembered by its NAR hash', (t) => {
    const { store, paths, root } = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const listing = new TreeListings(store.trees, paths, directory).of(root);
    rmSync(join(store.directory, root), { recursive: true });
    assert.deepEqual(new TreeListings(store.trees, paths, directory).of(root), listing);
    const other = paths.map((path) => ({ ...path, narHash: paths[0]!.narHash }));
    assert.throws(() => new TreeListings(store.trees, other, directory).of(root), { code: 'ERR_NOT_FOUND' });
    assert.throws(() => new TreeListings(store.trees).of(root), { code: 'ERR_NOT_FOUND' });
  });

  test('keeps names that are not UTF-8', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const path = store.add('odd', { 'latin1:\xff': 'x', l: { link: Buffer.from([0xfe]) } });
    const directory = temporaryDirectory(t);
    const closure = [{ ...path, references: [] }];
    const walked = new TreeListings(store.trees, closure, directory).of(path.path);
    assert.deepEqual(new TreeListings(store.trees, closure, directory).of(path.path), walked);
    assert.deepEqual(walked.at(-1)!.name, Buffer.from([0xff]));
  });

  test('is made, and read, in a step for each entry', (t) => {
    const { store, paths, root } = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const entries = [...walkTree(store.trees, root)].length;
    for (const what of ['walked', 'remembered'])
      assert.equal([...new TreeListings(store.trees, paths, directory).listed(root)].length, entries, what);
  });

  test('that is damaged is made anew', (t) => {
    const { store, paths, root } = new CountedSource(t);
    const directory = temporaryDirectory(t);
    const listing = new TreeListings(store.trees, paths, directory).of(root);
    for (const text of ['', '{}', '[1]', '[["x","a"]]', '[["f","a","big",true]]']) {
      overwriteAll(directory, text);
      assert.deepEqual(new TreeListings(store.trees, paths, directory).of(root), listing, text);
    }
  });
});

suite('texts by key', () => {
  test('are kept up to a number, those that were used last', (t) => {
    const directory = temporaryDirectory(t);
    const files = new FileCache(directory, 3);
    for (const key of ['a', 'b', 'c', 'd']) files.write(key, `text of ${key}`);
    assert.equal(readdirSync(directory).length, 3);
    assert.equal(files.read('d'), 'text of d');
    files.write('d', 'another');
    assert.equal(new FileCache(directory, 3).read('d'), 'another');
  });

  test('that cannot be written or read are none', (t) => {
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    const files = new FileCache(join(file, 'below'), 3);
    files.write('a', 'text');
    assert.equal(files.read('a'), undefined);
  });
});
