import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { atOnce } from '../../src/base/steps.ts';
import { defaultCommand } from '../../src/layers/default-command.ts';
import { linkFarm } from '../../src/layers/link-farm.ts';
import { TreeListings } from '../../src/nix/tree-listings.ts';
import { StoreBuilder, type Node } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

function storeWith(t: Test, nodes: Record<string, Node>): { store: StoreBuilder; paths: string[] } {
  const store = new StoreBuilder(temporaryDirectory(t));
  return { store, paths: Object.entries(nodes).map(([name, node]) => store.add(name, node).path) };
}

/** `/bin/` for a directory, `/bin/x -> target` for a link. */
function farm(t: Test, nodes: Record<string, Node>): string[] {
  const { store, paths } = storeWith(t, nodes);
  const { entries } = atOnce(linkFarm(new TreeListings(store.trees), paths));
  return entries.map(({ path, type, target }) =>
    type === 'directory' ? `${path}/` : `${path} -> ${target?.replaceAll(/\/nix\/store\/0+/g, '#')}`,
  );
}

suite('the link farm', () => {
  test('has directories of its own and links to files', (t) => {
    assert.deepEqual(
      farm(t, {
        hello: { bin: { hello: { program: '' }, hi: { link: 'hello' } }, share: { doc: { x: '' } } },
      }),
      [
        '/bin/',
        '/bin/hello -> #1-hello/bin/hello',
        '/bin/hi -> #1-hello/bin/hi',
        '/share/',
        '/share/doc/',
        '/share/doc/x -> #1-hello/share/doc/x',
      ],
    );
  });

  test('merges several paths, siblings in the order of their bytes', (t) => {
    assert.deepEqual(
      farm(t, {
        a: { bin: { z: { program: '' } }, 'bin-x': {} },
        b: { bin: { a: { program: '' }, 'z.1': { program: '' } }, 'bin.d': { f: '' } },
      }),
      [
        '/bin/',
        '/bin/a -> #2-b/bin/a',
        '/bin/z -> #1-a/bin/z',
        '/bin/z.1 -> #2-b/bin/z.1',
        '/bin-x/',
        '/bin.d/',
        '/bin.d/f -> #2-b/bin.d/f',
      ],
    );
  });

  test('has siblings in the order of their bytes also where that of UTF-16 is another', (t) => {
    assert.deepEqual(
      farm(t, { a: { '\u{10000}': '', '\uff5e': '', z: '', é: '' } }).map((line) => line.split(' ')[0]),
      ['/z', '/é', '/\uff5e', '/\u{10000}'],
    );
  });

  test('links a path that is a file under its name, a program into /bin', (t) => {
    assert.deepEqual(farm(t, { tool: { program: '' }, 'data.json': '{}' }), [
      '/bin/',
      '/bin/tool -> #1-tool',
      '/data.json -> #2-data.json',
    ]);
  });

  test("leaves out Nix's own notes", (t) => {
    assert.deepEqual(
      farm(t, { a: { 'nix-support': { 'propagated-build-inputs': 'x' }, 'nix-support-x': '' } }),
      ['/nix-support-x -> #1-a/nix-support-x'],
    );
  });

  test('tells of a file that two paths have, and uses the first', (t) => {
    const { store, paths } = storeWith(t, { a: { etc: { conf: '1' } }, b: { etc: { conf: '2' } } });
    const { entries, conflicts } = atOnce(linkFarm(new TreeListings(store.trees), paths));
    assert.deepEqual(conflicts, [
      { path: '/etc/conf', used: `${paths[0]}/etc/conf`, ignored: `${paths[1]}/etc/conf` },
    ]);
    assert.equal(entries.at(-1)?.target, `${paths[0]}/etc/conf`);
  });

  test('is made in a step for each file, so that a large one keeps nobody waiting', (t) => {
    const { store, paths } = storeWith(t, { a: { x: '', y: '', d: { z: '' } }, b: { bin: { tool: '' } } });
    const trees = new TreeListings(store.trees);
    const files = paths.flatMap((path) => trees.of(path)).length;
    assert.equal([...linkFarm(trees, paths)].length, files);
    assert.equal([...defaultCommand(trees, paths, true)].length, files);
  });

  test('the same path twice is no conflict', (t) => {
    const { store, paths } = storeWith(t, { a: { f: '' } });
    assert.deepEqual(atOnce(linkFarm(new TreeListings(store.trees), [...paths, ...paths])).conflicts, []);
  });

  test('refuses a file where another path has a directory, whichever comes first', (t) => {
    for (const nodes of [
      { a: { x: { y: '' } }, b: { x: '' } },
      { a: { x: '' }, b: { x: { y: '' } } },
    ]) {
      assert.throws(() => farm(t, nodes), {
        code: 'ERR_FORMAT',
        message: /^\/x is a file in \/nix\/store\/.*directory/,
      });
    }
  });
});

suite('the default command', () => {
  const command = (t: Test, nodes: Record<string, Node>, links = true): readonly string[] | undefined => {
    const { store, paths } = storeWith(t, nodes);
    return atOnce(defaultCommand(new TreeListings(store.trees), paths, links));
  };
  const p = { program: '' };

  test('is the only program', (t) => {
    assert.deepEqual(command(t, { 'thing-1.0': { bin: { tool: p }, lib: { x: p } } }), ['/bin/tool']);
    assert.deepEqual(command(t, { a: { bin: { tool: { link: '/nix/store/x' } } }, b: { share: {} } }), [
      '/bin/tool',
    ]);
  });

  test('of several is the one named like its package', (t) => {
    assert.deepEqual(command(t, { 'hello-2.12.1': { bin: { hello: p, 'hello-x': p } } }), ['/bin/hello']);
    assert.deepEqual(command(t, { 'hello-world-1.0-bin': { bin: { hello: p, 'hello-world': p } } }), [
      '/bin/hello-world',
    ]);
    assert.deepEqual(command(t, { hello: { bin: { hello: p, other: p } } }), ['/bin/hello']);
  });

  test('is none where that does not decide it', (t) => {
    assert.equal(command(t, { 'coreutils-9': { bin: { ls: p, cp: p } } }), undefined);
    assert.equal(command(t, { 'a-1': { bin: { a: p } }, 'b-1': { bin: { b: p } } }), undefined);
    assert.equal(command(t, { data: { share: { bin: p } } }), undefined);
    assert.equal(command(t, { x: { bin: { 'not-executable': '' } } }), undefined);
  });

  test('is a store path without links, or the path itself', (t) => {
    assert.deepEqual(command(t, { 'hello-1': { bin: { hello: p } } }, false), [
      `/nix/store/${'0'.repeat(31)}1-hello-1/bin/hello`,
    ]);
    assert.deepEqual(command(t, { script: p }), ['/bin/script']);
  });
});
