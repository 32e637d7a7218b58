import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sha256, type Digest } from '../../src/base/digest.ts';
import { atOnce } from '../../src/base/steps.ts';
import { BaseTreeCache } from '../../src/layers/base-tree-cache.ts';
import { BaseLayerChanges, TreeBudget } from '../../src/layers/base-layer-changes.ts';
import { BaseTree, type BaseNode } from '../../src/layers/base-tree.ts';
import { linkFarm } from '../../src/layers/link-farm.ts';
import { overBase } from '../../src/layers/over-base.ts';
import { readBaseTree } from '../../src/layers/read-base-tree.ts';
import type { StoredLayer } from '../../src/layers/read-layer.ts';
import { TreeListings } from '../../src/nix/tree-listings.ts';
import { baseTar, type BaseFiles } from '../support/base-images.ts';
import { needs } from '../support/peers.ts';
import { StoreBuilder, type Node } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

function layer(stored: Uint8Array, diffId: Digest, pieceBytes = 1000): StoredLayer {
  return {
    diffId,
    what: 'layer 1 of the base image',
    // eslint-disable-next-line typescript/require-await
    open: async function* () {
      for (let at = 0; at < stored.byteLength; at += pieceBytes) yield stored.subarray(at, at + pieceBytes);
    },
  };
}

async function treeOf(...layers: BaseFiles[]): Promise<BaseTree> {
  const tars = await Promise.all(layers.map(baseTar));
  return readBaseTree(tars.map((tar) => layer(gzipSync(tar), sha256(tar))));
}

/** `/usr/` for a directory, `/bin -> usr/bin` for a link, `/etc/passwd` for a file; in the order of names. */
function listing(tree: BaseTree): string[] {
  const lines: string[] = [];
  const visit = (path: string, node: BaseNode): void => {
    if (node.type === 'symlink') lines.push(`${path} -> ${node.target}`);
    else lines.push(node.type === 'directory' ? `${path}/` : path);
    if (node.type === 'directory')
      for (const [name, child] of [...node.children].sort(([a], [b]) => (a < b ? -1 : 1)))
        visit(`${path}/${name}`, child);
  };
  for (const [name, child] of [...tree.root.children].sort(([a], [b]) => (a < b ? -1 : 1)))
    visit(`/${name}`, child);
  return lines;
}

suite('the tree of a base image', () => {
  test('is what its layers hold, whichever way their names are written', async () => {
    const tree = await treeOf(
      { './': null, './usr/': null, './usr/bin/': null, './bin': { link: 'usr/bin' } },
      { '/usr/bin/sh': 'x', 'etc/passwd': 'x' },
    );
    assert.deepEqual(listing(tree), [
      '/bin -> usr/bin',
      '/etc/',
      '/etc/passwd',
      '/usr/',
      '/usr/bin/',
      '/usr/bin/sh',
    ]);
  });

  test('has lost what whiteouts hide, wherever they stand in their layer', async () => {
    const tree = await treeOf(
      { 'a/': null, 'a/x': '', 'a/y': '', 'b/': null, 'b/old': '', 'c/d/e': '' },
      { 'a/.wh.x': '', 'b/new': '', 'b/.wh..wh..opq': '', '.wh.c': '', '.wh..wh.plnk/1': '' },
    );
    assert.deepEqual(listing(tree), ['/a/', '/a/y', '/b/', '/b/new']);
  });

  test('has the last of several kinds at a place, and keeps what is in a directory that comes again', async () => {
    const tree = await treeOf(
      { lib: { link: 'usr/lib' }, 'd/': null, 'd/x': '', f: '' },
      { 'lib/': null, 'd/': { mode: 0o1777, uid: 7, content: null }, 'f/': null },
    );
    assert.deepEqual(listing(tree), ['/d/', '/d/x', '/f/', '/lib/']);
    const directory = tree.at('/d');
    assert.deepEqual(
      directory?.type === 'directory' ? [directory.mode, directory.uid, directory.gid] : [],
      [0o1777, 7, 7],
    );
  });

  test('follows links of lower layers where a file is named by way of them', async () => {
    const tree = await treeOf({ 'usr/bin/': null, bin: { link: 'usr/bin' } }, { 'bin/sh': '' });
    assert.deepEqual(listing(tree), ['/bin -> usr/bin', '/usr/', '/usr/bin/', '/usr/bin/sh']);
  });

  test('leaves out what is in store paths', async () => {
    const tree = await treeOf({ 'nix/': null, 'nix/store/': null, 'nix/store/x/y': '', 'nix/var/z': '' });
    assert.deepEqual(listing(tree), ['/nix/', '/nix/store/', '/nix/var/', '/nix/var/z']);
  });

  test('knows where directories really are', async () => {
    const tree = await treeOf({
      'usr/bin/': null,
      bin: { link: 'usr/bin' },
      lib64: { link: '/usr/lib64' },
      'var/run': { link: '../run/./' },
      up: { link: '../../bin' },
      loop: { link: 'loop' },
      file: '',
    });
    assert.equal(tree.realDirectory('/bin'), '/usr/bin');
    assert.equal(tree.realDirectory('/bin/new/x'), '/usr/bin/new/x');
    assert.equal(tree.realDirectory('/lib64'), '/usr/lib64');
    assert.equal(tree.realDirectory('/var/run/x'), '/run/x');
    assert.equal(tree.realDirectory('/up'), '/usr/bin');
    assert.throws(() => tree.realDirectory('/loop'), { code: 'ERR_FORMAT', message: /circles/ });
    assert.throws(() => tree.realDirectory('/file/x'), {
      code: 'ERR_FORMAT',
      message: /has the file \/file/,
    });
    assert.deepEqual(
      ['/bin', '/up', '/lib64', '/loop', '/file', '/none'].map((path) => tree.isDirectory(path)),
      [true, true, false, false, false, false],
    );
  });

  for (const [what, name] of Object.entries({
    'leads out': 'a/../../etc/passwd',
    'is too long': `${'a/'.repeat(3000)}x`,
  }))
    test(`is refused if a name ${what}`, async () => {
      await assert.rejects(treeOf({ [name]: '' }), { code: 'ERR_FORMAT', message: /whose name leads out/ });
    });

  test('is refused if it takes too much memory, directories that are only implied included', () => {
    const entry = { type: 'file', mode: 0o644, uid: 0, gid: 0, target: '' } as const;
    const fill = (name: string): void => {
      const changes = new BaseLayerChanges(new TreeBudget(100_000));
      for (let at = 0; at < 40; at++) changes.add({ ...entry, name: `${at}/${name}` });
      changes.applyTo(new BaseTree());
    };
    fill('x');
    const tooMuch = { code: 'ERR_FORMAT', message: /too many files/, hint: /--no-links/ };
    assert.throws(() => fill('x'.repeat(3000)), tooMuch);
    assert.throws(() => fill('d/'.repeat(20)), tooMuch);
  });

  test('is refused if a layer is not what the config says, cut off, or no tar', async () => {
    const tar = await baseTar({ 'a/': null, b: 'x'.repeat(5000) });
    const stored = gzipSync(tar);
    const wrong = (bytes: Uint8Array, diffId = sha256(tar)): Promise<BaseTree> =>
      readBaseTree([layer(bytes, diffId)]);
    await assert.rejects(wrong(stored, sha256('other')), { code: 'ERR_INTEGRITY' });
    await assert.rejects(wrong(stored.subarray(0, 40)), { code: 'ERR_FORMAT' });
    await assert.rejects(wrong(tar.subarray(0, 2000), sha256(tar.subarray(0, 2000))), { code: 'ERR_FORMAT' });
    await assert.rejects(wrong(Buffer.from('no tar at all'.repeat(100))), { code: 'ERR_FORMAT' });
    await assert.rejects(wrong(Buffer.concat([stored, Buffer.alloc(100_000, 1)])), { code: 'ERR_FORMAT' });
  });

  test('passes on what its source throws', async () => {
    const source = {
      ...layer(Buffer.alloc(0), sha256('')),
      // eslint-disable-next-line typescript/require-await
      open: async function* () {
        yield gzipSync(Buffer.alloc(100_000)).subarray(0, 50);
        throw new Error('the source');
      },
    };
    await assert.rejects(readBaseTree([source]), { code: 'ERR_FORMAT', message: /the source/ });
  });
});

suite('layers of every compression', needs('zstd', 'pigz'), () => {
  const files = { 'usr/': null, bin: { link: 'usr' }, big: Buffer.from(noise(300_000)) };
  const run = (command: string, input: Buffer): Buffer =>
    execFileSync('sh', ['-c', command], { input, maxBuffer: 2 ** 28 });

  for (const [what, command] of Object.entries({
    'no compression': 'cat',
    'gzip of several members':
      'f=$(mktemp); cat > $f; head -c 100000 $f | gzip; tail -c +100001 $f | gzip; rm $f',
    pigz: 'pigz',
    zstd: 'zstd -3',
    'zstd with a long window': 'zstd --long=27 -5',
    'zstd without a checksum': 'zstd --no-check',
    'zstd of several frames, skippable ones between':
      'f=$(mktemp); cat > $f; s=\'P*M\\030\\004\\000\\000\\000abcd\'; printf "$s"; head -c 100000 $f | zstd; printf "$s"; tail -c +100001 $f | zstd -19; printf "$s"; rm $f',
  }))
    test(`are read: ${what}`, async () => {
      const tar = await baseTar(files);
      const stored = run(command, tar);
      for (const pieceBytes of [777, 65_536]) {
        const tree = await readBaseTree([layer(stored, sha256(tar), pieceBytes)]);
        assert.deepEqual(listing(tree), ['/big', '/bin -> usr', '/usr/']);
      }
    });

  test('zstd that is damaged is refused', async () => {
    const tar = await baseTar(files);
    const stored = run('zstd', tar);
    for (const bytes of [
      stored.subarray(0, -5),
      stored.subarray(0, 4000),
      Buffer.concat([stored, Buffer.from('xxxxxx')]),
    ])
      await assert.rejects(readBaseTree([layer(bytes, sha256(tar))]), { code: 'ERR_FORMAT' });
  });

  test('zstd with a window of gigabytes is refused', async () => {
    const tar = await baseTar({ a: '' });
    const stored = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8]), Buffer.alloc(100)]);
    await assert.rejects(readBaseTree([layer(stored, sha256(tar))]), {
      code: 'ERR_FORMAT',
      message: /larger than 128 MiB/,
    });
  });
});

suite('the cache of trees', () => {
  const digest = sha256('manifest');

  test('gives back what was put in', async (t) => {
    const cache = new BaseTreeCache(temporaryDirectory(t));
    const tree = await treeOf({
      'tmp/': { mode: 0o1777, uid: 3, content: null },
      'a/b': '',
      l: { link: 'a' },
      '__proto__/x': '',
    });
    assert.equal(cache.get(digest), undefined);
    cache.set(digest, tree);
    assert.deepEqual(cache.get(digest)?.root, tree.root);
  });

  test('forgets what is damaged, and the oldest of many', async (t) => {
    const directory = temporaryDirectory(t);
    const cache = new BaseTreeCache(directory);
    const tree = await treeOf({ a: '' });
    for (let at = 0; at < 20; at++) cache.set(sha256(String(at)), tree);
    const files = readdirSync(join(directory, 'base'));
    assert.equal(files.length, 16);
    for (const text of ['', '[1,2', '[1,2,3,{"a":[]}]', '"x"', '{}', 'null']) {
      cache.set(digest, tree);
      for (const file of readdirSync(join(directory, 'base')))
        writeFileSync(join(directory, 'base', file), text);
      assert.equal(cache.get(digest), undefined, text);
    }
  });

  test('that cannot be written is none', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'base'), '');
    const cache = new BaseTreeCache(directory);
    cache.set(digest, await treeOf({ a: '' }));
    assert.equal(cache.get(digest), undefined);
  });
});

suite('a link farm over a base image', () => {
  const p = { program: '' };

  async function farm(
    t: Test,
    base: BaseFiles,
    nodes: Record<string, Node>,
  ): Promise<{ entries: string[]; replaced: readonly string[]; conflicts: number }> {
    const store = new StoreBuilder(temporaryDirectory(t));
    const paths = Object.entries(nodes).map(([name, node]) => store.add(name, node).path);
    const trees = new TreeListings(store.trees);
    const fitted = overBase(atOnce(linkFarm(trees, paths)), await treeOf(base), trees);
    return {
      entries: fitted.entries.map(({ path, type, target, mode, owner }) =>
        type === 'directory'
          ? `${path}/${mode === 0o755 ? '' : ` ${mode.toString(8)}`}${owner === undefined ? '' : ` ${owner.uid}:${owner.gid}`}`
          : `${path} -> ${target?.replaceAll(/\/nix\/store\/0+/g, '#')}`,
      ),
      replaced: fitted.replaced,
      conflicts: fitted.conflicts.length,
    };
  }

  const debian = {
    'usr/': null,
    'usr/bin/': null,
    'usr/sbin/': null,
    'usr/lib/': null,
    'usr/bin/bash': 'x',
    bin: { link: 'usr/bin' },
    sbin: { link: 'usr/sbin' },
    lib: { link: 'usr/lib' },
    'etc/': null,
  };

  test('puts links where the links of the base lead', async (t) => {
    const { entries, replaced } = await farm(t, debian, {
      a: { bin: { hello: p }, lib: { sub: { x: '' } } },
    });
    assert.deepEqual(entries, [
      '/usr/',
      '/usr/bin/',
      '/usr/bin/hello -> #1-a/bin/hello',
      '/usr/lib/',
      '/usr/lib/sub/',
      '/usr/lib/sub/x -> #1-a/lib/sub/x',
    ]);
    assert.deepEqual(replaced, []);
  });

  test('keeps mode and owner of directories, and tells which files it replaces', async (t) => {
    const { entries, replaced } = await farm(
      t,
      {
        ...debian,
        'home/app/': { mode: 0o700, uid: 1000, content: null },
        'tmp/': { mode: 0o1777, content: null },
      },
      { a: { bin: { bash: p }, home: { app: { x: '' } }, tmp: { y: '' } } },
    );
    assert.deepEqual(entries, [
      '/home/',
      '/home/app/ 700 1000:1000',
      '/home/app/x -> #1-a/home/app/x',
      '/tmp/ 1777',
      '/tmp/y -> #1-a/tmp/y',
      '/usr/',
      '/usr/bin/',
      '/usr/bin/bash -> #1-a/bin/bash',
    ]);
    assert.deepEqual(replaced, ['/usr/bin/bash']);
  });

  test('links what is in a linked directory where the base has a directory', async (t) => {
    const { entries } = await farm(t, debian, {
      a: { bin: { hello: p }, sbin: { link: 'bin' } },
      b: { etc: { link: `/nix/store/${'0'.repeat(31)}1-a/bin` }, other: { link: 'etc' } },
    });
    assert.deepEqual(entries, [
      '/etc/',
      '/etc/hello -> #1-a/bin/hello',
      '/other -> #2-b/other',
      '/usr/',
      '/usr/bin/',
      '/usr/bin/hello -> #1-a/bin/hello',
      '/usr/sbin/',
      '/usr/sbin/hello -> #1-a/bin/hello',
    ]);
  });

  test('has one link where two places of the farm are one in the base', async (t) => {
    const { entries, conflicts } = await farm(t, debian, {
      a: { bin: { x: p }, usr: { bin: { x: p } } },
    });
    assert.deepEqual(entries, ['/usr/', '/usr/bin/', '/usr/bin/x -> #1-a/bin/x']);
    assert.equal(conflicts, 1);
  });

  test('is refused where a file would take the place of a directory, or the other way round', async (t) => {
    await assert.rejects(farm(t, debian, { a: { etc: 'x' } }), {
      code: 'ERR_FORMAT',
      message: /^\/etc is a directory in the base image, but \/nix\/store\/.*-a\/etc is none/,
    });
    await assert.rejects(farm(t, { ...debian, share: '' }, { a: { share: { x: '' } } }), {
      code: 'ERR_FORMAT',
      message: /has the file \/share/,
    });
  });
});

/** Text that does not compress to nothing. */
function noise(length: number): string {
  let text = '';
  for (let at = 0; text.length < length; at++) text += ((at * 2_654_435_761) >>> 7).toString(36);
  return text.slice(0, length);
}
