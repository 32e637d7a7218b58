import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exampleDirectory, examplePath } from '../support/example.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { diff, inspect, inspectPath, push, why } from '../../src/index.ts';
import { packageChanges } from '../../src/nix/package-changes.ts';

const SOURCE = {
  store: join(exampleDirectory, 'store'),
  closure: join(exampleDirectory, 'closure.json'),
};

interface Described {
  path: string;
  narSize: number;
  closureSize: number;
}

const closure = JSON.parse(readFileSync(SOURCE.closure, 'utf8')) as Described[];
const expected = closure
  .map(({ path, narSize, closureSize }) => ({ path, narSize, closureSize }))
  .sort((a, b) => a.closureSize - b.closureSize);
const [licence, greetings, hello] = expected.map(({ path }) => path) as [string, string, string];

describe('looking at a closure and at the image of it', () => {
  const image = `oci:${join(temporaryDirectory({ after }), 'image')}`;
  before(async () => {
    await push({
      ...SOURCE,
      paths: [examplePath],
      to: [image],
      platform: 'linux/amd64',
      noCache: true,
      layers: 'auto',
    });
  });

  test('sizes are those that Nix wrote down: own and of the closure', async () => {
    const result = await inspectPath(examplePath, SOURCE);
    assert.ok(result.kind === 'closure');
    assert.deepEqual(result.paths, expected);
    assert.equal(result.narSize, 5712);
    assert.deepEqual(result.roots, [hello]);
  });

  test('a file whose name is taken for an image is named in the hint', async (t) => {
    const cwd = temporaryDirectory(t);
    writeFileSync(join(cwd, 'Image.json'), '{}');
    for (const args of [['inspect'], ['why', greetings]] as const) {
      const [verb, ...more] = args;
      const { status, stderr } = await nixpush([verb, 'Image.json', ...more], { cwd });
      assert.notEqual(status, 0);
      assert.match(
        stderr,
        /hint: Image\.json was taken for an image; write \.\/Image\.json for what is called so here\./,
      );
    }
    assert.doesNotMatch((await nixpush(['inspect', 'Other.json'], { cwd })).stderr, /\.\//);
  });

  test('of an image they are found in its layers', async () => {
    const result = await inspect(image, { sizes: true });
    assert.ok(result.kind === 'image');
    assert.deepEqual(
      result.sizes?.map(({ path, narSize, closureSize }) => ({ path, narSize, closureSize })),
      expected,
    );
    for (const { path, layer } of result.sizes ?? [])
      assert.ok(result.layers[layer - 1]?.paths.includes(path), `${path} is in layer ${layer}`);
  });

  test('no layer is read unless sizes are asked for', async () => {
    const result = await inspect(image);
    assert.ok(result.kind === 'image');
    assert.equal(result.sizes, undefined);
  });

  for (const [where, options] of [['a closure', SOURCE] as const, ['an image', {}] as const]) {
    const what = (): string => (where === 'an image' ? image : examplePath);

    test(`why a path is in ${where}: the shortest chain, by path, name or part of a name`, async () => {
      for (const wanted of [
        licence,
        `${licence}/share`,
        'hello-nixpush-licence-1.0',
        'hello-nixpush-licence',
        'lice',
      ]) {
        const { chains } = await why(what(), wanted, options);
        assert.deepEqual(
          chains.map(({ chain }) => chain),
          [[hello, licence]],
          wanted,
        );
      }
    });

    test(`a name that is in no path of ${where} is not found`, async () => {
      await assert.rejects(why(what(), 'openssl', options), { code: 'ERR_NOT_FOUND', message: /openssl/ });
    });
  }

  test('the name of the whole package goes before names that it is a part of', async () => {
    const { chains } = await why(image, 'hello-nixpush');
    assert.deepEqual(
      chains.map(({ path }) => path),
      [hello],
    );
  });

  test('the command line prints a tree', async () => {
    const { stdout, status } = await nixpush(['why', image, 'greetings']);
    assert.equal(stdout, `${hello}\n└─ ${greetings}  (1.6 KiB)\n`);
    assert.equal(status, 0);
  });

  test('the command line prints sizes as a table', async () => {
    const { stdout } = await nixpush([
      'inspect',
      examplePath,
      '--store',
      SOURCE.store,
      '--closure',
      SOURCE.closure,
    ]);
    const [header, ...lines] = stdout.split('\n');
    assert.match(header!, /^ *OWN +CLOSURE +PATH$/);
    assert.ok(lines[0]?.endsWith(licence));
    assert.ok(lines.at(-2)?.startsWith('3 store paths, 5.6 KiB'));
  });
});

describe('looking at a file that describes an image', () => {
  const directory = temporaryDirectory({ after });
  const builder = new StoreBuilder(directory);
  const library = { ...builder.add('library-1.0', { lib: 'x' }), references: [] };
  const tool = {
    ...builder.add('tool-1.0', { bin: { tool: { program: library.path } } }),
    references: [library.path],
  };
  const options = { store: directory, closure: join(directory, 'closure.json') };
  const file = (name: string, document: object): string => {
    writeFileSync(join(directory, name), JSON.stringify(document));
    return join(directory, name);
  };
  file('closure.json', [library, tool]);
  const digest = `sha256:${'0'.repeat(64)}`;
  const layer = { digest, diff_ids: digest, mediatype: 'x', paths: [tool, library] };
  const definition = file('image.json', { nixpush: 1, contents: [tool.path] });
  const descriptions = {
    'an image definition': definition,
    "streamLayeredImage's configuration": file('conf.json', {
      architecture: 'amd64',
      config: {},
      store_layers: [[library.path], [tool.path]],
      customisation_layer: builder.add('layer', { checksum: 'x' }).path,
      repo_tag: 'tool:1',
      created: 'now',
    }),
    "nix2container's JSON": file('n2c.json', {
      version: 1,
      'image-config': {},
      arch: 'amd64',
      layers: [{ ...layer, paths: layer.paths.map(({ path }) => ({ path })) }],
    }),
  };

  for (const [what, path] of Object.entries(descriptions))
    test(`${what} means the store paths of the image`, async () => {
      const result = await inspectPath(path, options);
      assert.ok(result.kind === 'closure');
      assert.deepEqual(result.roots, [tool.path]);
      assert.deepEqual(
        result.paths.map((each) => each.path),
        [library.path, tool.path],
      );
      const { chains } = await why(path, 'library', options);
      assert.deepEqual(chains[0]?.chain, [tool.path, library.path]);
    });

  test('an archive is an image', async () => {
    const archive = join(directory, 'image.tar');
    const image = `oci:${join(directory, 'image')}`;
    const pushing = { ...options, platform: 'linux/amd64', noCache: true };
    await push({ ...pushing, paths: [definition], to: [`docker-archive:${archive}`, `${image}:latest`] });
    const result = await inspectPath(archive, { ...options, sizes: true });
    assert.ok(result.kind === 'image');
    assert.deepEqual(
      result.sizes?.map(({ path }) => path),
      [library.path, tool.path],
    );
    const { chains } = await why(archive, 'library', options);
    assert.deepEqual(chains[0]?.chain, [tool.path, library.path]);
    for (const [from, to] of [
      [image, archive],
      [image, definition],
      [archive, definition],
    ] as const) {
      const changes = await diff(from, to, { ...options, platform: 'linux/amd64' });
      assert.deepEqual([changes.added, changes.removed, changes.unchanged.length], [[], [], 2]);
    }
  });
});

describe('the difference between two', () => {
  interface Scene {
    readonly old: string;
    readonly options: { store: string; closure: string };
    readonly root: string;
    readonly run: (...args: string[]) => Promise<Run>;
  }
  let scene: Scene;
  const directory = temporaryDirectory({ after });

  before(async () => {
    const builder = new StoreBuilder(directory);
    const add = (name: string, text: string, references: string[]): object => ({
      ...builder.add(name, { bin: { [name]: { program: text } } }),
      references,
    });
    const library = add('library-1.0', 'the same', []) as { path: string };
    const earlier = add('tool-1.0', `one ${library.path}`, [library.path]) as { path: string };
    const later = add('tool-1.1', `two ${library.path}`, [library.path]) as { path: string };
    const file = join(directory, 'closure.json');
    writeFileSync(file, JSON.stringify([library, earlier, later]));
    const options = { store: directory, closure: file };
    const old = `oci:${join(directory, 'old')}`;
    await push({ ...options, paths: [earlier.path], to: [old], platform: 'linux/amd64', noCache: true });
    const source = ['--store', directory, '--closure', file, '--platform', 'linux/amd64'];
    scene = { old, options, root: later.path, run: (...args) => nixpush([...args, ...source]) };
  });

  test('of an image and a closure: what a push would move, and why', async () => {
    const { layers, changed, unchanged, added, removed, bytes } = await diff(scene.old, scene.root, {
      ...scene.options,
      platform: 'linux/amd64',
    });
    assert.deepEqual([added, removed], [[], []]);
    assert.deepEqual(
      changed.map(({ name }) => name),
      ['tool'],
    );
    assert.equal(unchanged.length, 1);
    assert.deepEqual(
      layers?.map(({ paths, moves }) => [paths.length, moves]),
      [
        [1, false],
        [1, true],
        [0, true],
      ],
    );
    const moving = layers.filter(({ moves }) => moves);
    assert.equal(
      bytes,
      moving.reduce((sum, { size }) => sum + size, 0),
    );
    assert.match(layers[0]!.reason, /kept from the earlier image/);
  });

  test('of an image whose layers nix2container would write, and a closure', async () => {
    const old = `oci:${join(directory, 'n2c')}`;
    const options = { ...scene.options, platform: 'linux/amd64', tarFormat: 'n2c', noCache: true };
    await push({ ...options, paths: [changedFrom(scene)], to: [old] });
    const { stdout } = await scene.run('diff', old, scene.root, '--tar-format', 'n2c', '--json');
    const { layers } = JSON.parse(stdout) as { layers: { moves: boolean }[] };
    assert.deepEqual(
      layers.map(({ moves }) => moves),
      [false, true, true],
    );
  });

  test('of two images: layers by digest', async () => {
    const fresh = `oci:${join(scene.options.store, 'new')}`;
    const options = { ...scene.options, platform: 'linux/amd64', noCache: true };
    await push({ ...options, paths: [scene.root], to: [fresh] });
    const { layers } = await diff(scene.old, fresh, { platform: 'linux/amd64' });
    assert.deepEqual(
      layers?.map(({ moves, reason }) => [moves, reason]),
      [
        [false, 'the same'],
        [true, '1 of its 1 store paths changed'],
        [true, 'it holds no store paths, and other files'],
      ],
    );
  });

  test('of two closures: paths, and their bytes unpacked', async () => {
    const { layers, bytes, changed } = await diff(changedFrom(scene), scene.root, scene.options);
    assert.equal(layers, undefined);
    assert.equal(changed.length, 1);
    assert.ok(bytes > 0);
  });

  test('the command line prints packages, layers and a sum', async () => {
    const { stdout, status } = await scene.run('diff', scene.old, scene.root);
    assert.equal(status, 0);
    assert.match(stdout, /^~ tool-1\.0 -> tool-1\.1\n/);
    assert.match(stdout, /\n0 paths added, 0 removed, 1 changed, 1 unchanged: .* to move\n$/);
  });

  test('of an image with itself there is none', async () => {
    const result = await diff(scene.old, scene.old, { platform: 'linux/amd64' });
    assert.equal(result.bytes, 0);
    assert.ok(result.layers?.every(({ moves }) => !moves));
  });

  function changedFrom({ root }: Scene): string {
    return root.replace(/\d{32}-tool-1\.1$/, `${'0'.repeat(31)}2-tool-1.0`);
  }
});

describe('packages are recognised by their names', () => {
  const path = (name: string, hash = '0'): string => `/nix/store/${hash.repeat(32)}-${name}`;

  test('a new version and a new build are changes, outputs are told apart', () => {
    const { changed, added, removed } = packageChanges(
      [path('curl-7.87.0-bin'), path('curl-7.87.0'), path('zlib-1.2'), path('gone-1')],
      [path('curl-7.88.0-bin'), path('curl-7.88.0'), path('zlib-1.2', '1'), path('come')],
    );
    assert.deepEqual(
      changed.map(({ name }) => name),
      ['curl', 'curl-bin', 'zlib'],
    );
    assert.deepEqual([added, removed], [[path('come')], [path('gone-1')]]);
  });
});
