import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { atOnce } from '../../src/base/steps.ts';
import { capabilityAttribute } from '../../src/layers/capabilities.ts';
import { parseCodec } from '../../src/layers/codec.ts';
import type { LayerContent, Nix2containerPath } from '../../src/layers/content.ts';
import { LayerReader } from '../../src/layers/engine/layer-reader.ts';
import { encodeGoTarHeader, GO_TAR_END } from '../../src/layers/go-tar-header.ts';
import { recipeText, ROOT_OWNER, type LayerRecipe } from '../../src/layers/recipe.ts';
import { tarPadding, type TarEntry } from '../../src/layers/tar-header.ts';
import { needs } from '../support/peers.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const A = 'a'.repeat(32);
const D90 = 'd'.repeat(90);

function readLayer(content: LayerContent, over: Partial<LayerRecipe> = {}): { tar: Buffer; diffId: string } {
  const reader = new LayerReader({
    content,
    owner: ROOT_OWNER,
    format: 'n2c',
    codec: parseCodec('none'),
    ...over,
  });
  const pieces: Uint8Array[] = [];
  for (;;) {
    const { raw, end } = reader.next(new Uint8Array(parseCodec('none').blockSize).fill(0xa5));
    pieces.push(raw);
    if (end !== undefined) return { tar: Buffer.concat(pieces), diffId: end.diffId };
  }
}

function content(store: StoreBuilder, ...paths: (Partial<Nix2containerPath> & { path: string })[]) {
  return {
    kind: 'nix2container',
    trees: store.trees,
    paths: paths.map((path) => ({ permissions: [], ...path })),
    diffId: sha256(''),
  } as const;
}

/** Name, type, mode, owner and link of each entry, as Python's tarfile reads them. */
function entries(tar: Buffer, directory: string): string[] {
  const file = join(directory, 'layer.tar');
  writeFileSync(file, tar);
  const script = `
import sys, tarfile
for m in tarfile.open(sys.argv[1], errors='surrogateescape'):
    print(m.name or '/', m.type.decode(), oct(m.mode)[2:], f'{m.uid}:{m.gid} {m.uname}:{m.gname}', m.mtime, m.linkname, m.size)
`;
  return execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }).trim().split('\n');
}

function textOf(recipe: LayerRecipe): string {
  return atOnce(recipeText(recipe));
}

suite('a layer of nix2container', () => {
  // Computed by nix2container's own code.
  test('with a program and a link', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const { path } = store.add(`${A}-hello`, {
      bin: { hello: { program: 'hi\n' } },
      lnk: { link: 'bin/hello' },
    });
    const { tar, diffId } = readLayer(content(store, { path }));
    assert.equal(diffId, 'sha256:9a15c5773864eb941a6b0b01500b280aa3687c7df71354d6c3588b49e8175053');
    assert.equal(tar.length, 5120);
  });

  test('with a long and a non-ASCII name', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const { path } = store.add(`${A}-hello`, { share: { [D90]: { 'é.txt': 'x' } } });
    const { tar, diffId } = readLayer(content(store, { path }));
    assert.equal(diffId, 'sha256:31f6149262bfeaecdc40bb8268ce5e694d7bc09e497a95f333b65680bdbab713');
    assert.equal(tar.length, 6144);
  });

  test('moves files, and gives them other modes and owners', needs('python3'), (t) => {
    const directory = temporaryDirectory(t);
    const store = new StoreBuilder(directory);
    const { path } = store.add(`${A}-root`, { data: { file: 'x' }, lnk: { link: 'data' } });
    const other = store.add('other', 'alone').path;
    const { tar } = readLayer(
      content(
        store,
        { path: other },
        {
          path,
          rewrite: { regex: `^${path}`, replacement: '' },
          permissions: [
            { regex: '/data', mode: 0o700, owner: { uid: 999, gid: 998, uname: 'redis' } },
            { regex: 'file$', owner: { uid: 7, gid: 8, gname: 'data' } },
          ],
        },
      ),
    );
    assert.deepEqual(entries(tar, directory), [
      '/ 5 755 0:0 root:root 1  0',
      '/data 5 700 999:998 redis:root 1  0',
      '/data/file 0 700 7:8 redis:data 1  1',
      '/lnk 2 777 0:0 root:root 1 data 0',
      '/nix 5 755 0:0 root:root 1  0',
      '/nix/store 5 755 0:0 root:root 1  0',
      `${other} 0 444 0:0 root:root 1  5`,
    ]);
  });

  test('merges what several paths bring to one place', needs('python3'), (t) => {
    const directory = temporaryDirectory(t);
    const store = new StoreBuilder(directory);
    const paths = [
      store.add('one', { bin: { a: 'a' } }).path,
      store.add('two', { bin: { b: 'b' } }).path,
    ].map((path) => ({ path, rewrite: { regex: `^${path}`, replacement: '/opt' } }));
    const { tar } = readLayer(content(store, ...paths));
    assert.deepEqual(
      entries(tar, directory).map((line) => line.split(' ')[0]),
      ['/', '/opt', '/opt/bin', '/opt/bin/a', '/opt/bin/b'],
    );
  });

  test('fails where two paths bring different things to one place', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const paths = [
      store.add('one', { bin: { a: 'a' } }).path,
      store.add('two', { bin: { a: 'longer' } }).path,
    ].map((path) => ({ path, rewrite: { regex: `^${path}`, replacement: '' } }));
    assert.throws(() => readLayer(content(store, ...paths)), {
      code: 'ERR_FORMAT',
      message: `/bin/a is in the layer twice: from ${paths[0]!.path}/bin/a and ${paths[1]!.path}/bin/a`,
    });
  });

  test('writes names of any length and bytes that other programs read', needs('python3'), (t) => {
    const directory = temporaryDirectory(t);
    const store = new StoreBuilder(directory);
    const names = [55, 56, 57, 101, 155, 200].map((length) => 'n'.repeat(length));
    const { path } = store.add('long', {
      ...Object.fromEntries(names.map((name) => [name, name])),
      [D90]: { [D90]: { [D90]: 'deep' } },
      link: { link: 't'.repeat(101) },
      'latin1:\xff\xfe': 'bytes',
    });
    const { tar } = readLayer(content(store, { path }));
    const found = entries(tar, directory);
    for (const name of names)
      assert.ok(
        found.some((line) => line.startsWith(`${path}/${name} 0 444`)),
        name,
      );
    assert.ok(found.some((line) => line.startsWith(`${path}/${D90}/${D90}/${D90} 0 444`)));
    assert.ok(found.some((line) => line.includes(` ${'t'.repeat(101)} `)));
    assert.ok(tar.includes(Buffer.from([...Buffer.from(` path=${path}/`), 0xff, 0xfe, 0x0a])));
  });

  test('has a recipe of its own for every claim and option', () => {
    const layer = (over: Partial<Nix2containerPath>, diffId = sha256('')): string =>
      textOf({
        content: {
          kind: 'nix2container',
          trees: { kind: 'directory', storeDir: '/nix/store', directory: '/nix/store' },
          paths: [{ path: '/nix/store/x', permissions: [], ...over }],
          diffId,
        },
        owner: ROOT_OWNER,
        codec: parseCodec('none'),
      });
    const texts = [
      layer({}),
      layer({}, sha256('other')),
      layer({ rewrite: { regex: '^/x', replacement: '' } }),
      layer({ permissions: [{ regex: '.*', owner: { uid: 1, gid: 1 } }] }),
    ];
    assert.equal(new Set(texts).size, texts.length);
  });
});

suite('a planned layer in the format n2c', () => {
  test('is the one that nix2container makes of the same paths, whatever order they were planned in', (t) => {
    const store = new StoreBuilder(temporaryDirectory(t));
    const paths = [
      store.add('one', { bin: { a: { program: 'a' } }, é: { link: 'bin' } }),
      store.add('two', 'alone'),
      store.add('three', { [D90]: { [D90]: 'deep' } }),
    ];
    const planned = (...given: typeof paths) =>
      readLayer({ kind: 'store-paths', trees: store.trees, paths: given }).diffId;
    const [a, b, c] = paths as [(typeof paths)[0], (typeof paths)[0], (typeof paths)[0]];
    const expected = readLayer(content(store, ...paths.map(({ path }) => ({ path })))).diffId;
    assert.equal(planned(a, b, c), expected);
    assert.equal(planned(c, b, a), expected);
  });

  test('of files that are written down begins with /, too', needs('python3'), (t) => {
    const root = [
      { path: '/bin', type: 'directory', mode: 0o755 },
      { path: '/bin/tool', type: 'symlink', mode: 0o777, target: '/nix/store/x/bin/tool' },
      {
        path: '/key',
        type: 'file',
        mode: 0o600,
        content: { bytes: Buffer.from('secret') },
        owner: { uid: 9, gid: 8 },
      },
    ] as const;
    const { tar } = readLayer({ kind: 'entries', entries: root });
    assert.deepEqual(entries(tar, temporaryDirectory(t)), [
      '/ 5 755 0:0 root:root 1  0',
      '/bin 5 755 0:0 root:root 1  0',
      '/bin/tool 2 777 0:0 root:root 1 /nix/store/x/bin/tool 0',
      '/key 0 600 9:8 : 1  6',
    ]);
  });

  test(
    "gives the store paths to the layer's owner, and what leads to them to root",
    needs('python3'),
    (t) => {
      const directory = temporaryDirectory(t);
      const store = new StoreBuilder(directory);
      const added = store.add('alone', 'x');
      const owner = { uid: 1000, gid: 100, uname: 'user', gname: 'users', mtime: -1 };
      const { tar } = readLayer({ kind: 'store-paths', trees: store.trees, paths: [added] }, { owner });
      assert.deepEqual(entries(tar, directory), [
        '/ 5 755 0:0 root:root -1.0  0',
        '/nix 5 755 0:0 root:root -1.0  0',
        '/nix/store 5 755 0:0 root:root -1.0  0',
        `${added.path} 0 444 1000:100 user:users -1.0  1`,
      ]);
    },
  );

  test('has another recipe than in the format nixpkgs, which was there first', () => {
    const recipe = {
      content: { kind: 'entries', entries: [] },
      owner: ROOT_OWNER,
      codec: parseCodec('none'),
    } as const;
    const text = textOf(recipe);
    assert.equal(textOf({ ...recipe, format: 'nixpkgs' }), text);
    assert.equal(textOf({ ...recipe, format: 'n2c' }), `${text}format n2c\n`);
  });
});

test("headers are those of Go's archive/tar at every limit", () => {
  const store = `/nix/store/${A}-x`;
  const hash = createHash('sha256');
  const add = (
    path: string | Buffer,
    mode: number,
    over: Partial<TarEntry> = {},
    [id, name] = [0, 'root'],
  ): void => {
    const owner = { uid: id, gid: id, uname: name, gname: name, mtime: 1 };
    const entry = { path: Buffer.from(path as string), type: 'file', mode, size: 0, ...over } as const;
    hash.update(encodeGoTarHeader(entry, owner));
    hash.update('x'.repeat(entry.size)).update(Buffer.alloc(tarPadding(entry.size)));
  };
  for (const length of [50, 55, 56, 57, 58, 99, 100, 101, 155, 156, 200])
    add(`${store}/${'n'.repeat(length)}`, 0o444, { size: 3 });
  for (const length of [99, 100, 101, 102, 103, 112, 113, 114, 115])
    add(`${store}/${'d'.repeat(length)}/${'n'.repeat(90)}`, 0o444, { size: 3 });
  add(`${store}/${'n'.repeat(70)}`, 0o777, { type: 'symlink', target: Buffer.from('t'.repeat(101)) });
  add(`${store}/é`, 0o755, { type: 'directory' });
  add(`${store}/big`, 0o755, { size: 1 }, [3_000_000, 'root']);
  add(`${store}/longuser`, 0o755, { size: 1 }, [5, 'u'.repeat(40)]);
  add(Buffer.concat([Buffer.from(`${store}/`), Buffer.of(0xff, 0xfe)]), 0o755, { size: 1 }, [5, 'é']);
  add(`${store}/${'q'.repeat(49)}/${'n'.repeat(90)}é`, 0o444, { size: 3 });
  hash.update(Buffer.alloc(GO_TAR_END));
  // Computed by archive/tar of Go 1.19.
  assert.equal(hash.digest('hex'), '6c7dddf4a09bc21d36ce56f3ac5b0b6681ee64918aca1cf00fdeeb463f82ea93');
});

test("times that ustar cannot hold, and capabilities, are written as Go's archive/tar does", () => {
  const store = `/nix/store/${A}-x`;
  const hash = createHash('sha256');
  const add = (path: string, mtime: number, over: Partial<TarEntry> = {}, id = 0): void => {
    const owner = { uid: id, gid: id, uname: 'root', gname: 'root', mtime };
    const entry = { path: Buffer.from(path), type: 'file', mode: 0o444, size: 0, ...over } as const;
    hash.update(encodeGoTarHeader(entry, owner));
  };
  for (const mtime of [0, 1, -1, -86_400, -(2 ** 40), 2 ** 33 - 1, 2 ** 33, 253_402_300_799])
    add(`${store}/t`, mtime);
  const long = 'n'.repeat(58);
  add(`${store}/${long}/${long}`, -5, {}, 3_000_000);
  const capability = capabilityAttribute(['CAP_NET_BIND_SERVICE']);
  for (const mtime of [-1, 1]) add(`${store}/capable`, mtime, { capability });
  hash.update(Buffer.alloc(GO_TAR_END));
  // Computed by archive/tar of Go 1.26.
  assert.equal(hash.digest('hex'), '7985419091548a5ba4bb6db9be880c644d071db9ecfd752a2c3a76bf6d15d462');
});

suite('a layer that is a tar already', () => {
  test('is read as it is, over several blocks', (t) => {
    const file = join(temporaryDirectory(t), 'layer.tar');
    const bytes = Buffer.alloc(5_000_000, 'some tar');
    writeFileSync(file, bytes);
    const { tar, diffId } = readLayer({ kind: 'tar', file, diffId: sha256(bytes) });
    assert.ok(tar.equals(bytes));
    assert.equal(diffId, sha256(bytes));
  });

  test('is missed by its name', (t) => {
    const file = join(temporaryDirectory(t), 'layer.tar');
    assert.throws(() => readLayer({ kind: 'tar', file, diffId: sha256('') }), { code: 'ERR_NOT_FOUND' });
  });
});
