import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readImageInput, type ImageInput } from '../../src/definitions/image-input.ts';
import { plainImage, rawTar, streamedMembers } from '../support/archives.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const LAYER = `/nix/store/${'c'.repeat(32)}-hello-customisation-layer`;

function streamConfig(over: object = {}): string {
  return JSON.stringify({
    architecture: 'amd64',
    config: {},
    store_layers: [],
    customisation_layer: LAYER,
    repo_tag: 'hello:1',
    created: '1970-01-01T00:00:01+00:00',
    ...over,
  });
}

/** As makeWrapper writes it for streamLayeredImage. */
function streamScript(conf: string, program = '/nix/store/'.concat('s'.repeat(32), '-stream')): string {
  const bash = `/nix/store/${'b'.repeat(32)}-bash-5.2p37/bin/bash`;
  return `#! ${bash} -e\nexec "${program}" ${conf} "$@" \n`;
}

const N2C = JSON.stringify({ version: 1, 'image-config': {}, layers: [], arch: 'amd64', created: null });

class Scene {
  readonly directory: string;
  readonly store: StoreBuilder;

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t);
    this.store = new StoreBuilder(this.directory);
  }

  /** A link `result` to a store path, as `nix build` leaves it. */
  result(path: string): string {
    symlinkSync(path, join(this.directory, 'result'));
    return './result';
  }

  async read(...paths: string[]): Promise<ImageInput> {
    return readImageInput(paths, { trees: this.store.trees, cwd: this.directory });
  }
}

suite('what ./result is', () => {
  test('a directory is a store path', async (t) => {
    const scene = new Scene(t);
    const { path } = scene.store.add('hello', { bin: { hello: { program: '#!/bin/sh' } } });
    scene.result(path);
    assert.deepEqual(await scene.read(), { kind: 'store-paths', roots: [path] });
  });

  test('a script of streamLayeredImage is its configuration', async (t) => {
    const scene = new Scene(t);
    const conf = scene.store.add('hello-conf.json', streamConfig({ repo_tag: 'hello:abc' })).path;
    const script = scene.store.add('stream-hello', { program: streamScript(conf) }).path;
    scene.result(script);
    const input = await scene.read();
    assert.equal(input.kind, 'stream-config');
    assert.ok(input.kind === 'stream-config' && input.config.repo_tag === 'hello:abc');
    assert.equal(input.name, conf);
  });

  test('the configuration of streamLayeredImage can be named itself', async (t) => {
    const scene = new Scene(t);
    const { path } = scene.store.add('hello-conf.json', streamConfig());
    assert.equal((await scene.read(path)).kind, 'stream-config');
  });

  test('other scripts are store paths, whatever files they name', async (t) => {
    const scene = new Scene(t);
    const stream = scene.store.add('hello-conf.json', streamConfig()).path;
    const other = scene.store.add('settings.json', '{"store_layers": 7}').path;
    const scripts = [
      '#!/bin/sh\necho hello\n',
      streamScript(other),
      `#!/bin/sh\ncat ${stream}\n`,
      `#!/bin/sh\n${streamScript(stream)}${streamScript(stream)}`,
    ];
    for (const [at, program] of scripts.entries()) {
      const { path } = scene.store.add(`script-${at}`, { program });
      assert.deepEqual(await scene.read(path), { kind: 'store-paths', roots: [path] }, program);
    }
  });

  test('a script whose configuration is not there says so', async (t) => {
    const scene = new Scene(t);
    const missing = `/nix/store/${'d'.repeat(32)}-hello-conf.json`;
    const { path } = scene.store.add('stream-hello', { program: streamScript(missing) });
    await assert.rejects(scene.read(path), { code: 'ERR_NOT_FOUND' });
  });

  test("nix2container's JSON is an image", async (t) => {
    const scene = new Scene(t);
    scene.result(scene.store.add('image-hello.json', N2C).path);
    assert.equal((await scene.read()).kind, 'nix2container');
  });

  test('an image definition is one in the store, and as a file anywhere', async (t) => {
    const scene = new Scene(t);
    const definition = JSON.stringify({ nixpush: 1, contents: [] });
    scene.result(scene.store.add('hello.json', definition).path);
    writeFileSync(join(scene.directory, 'image.json'), definition);
    assert.equal((await scene.read()).kind, 'definition');
    const input = await scene.read('image.json');
    assert.ok(input.kind === 'definition' && input.name === 'image.json');
  });

  test('archives of images are recognised by what they begin with', async (t) => {
    const scene = new Scene(t);
    const members = streamedMembers(plainImage('one'), ['hello:1']);
    const archives = {
      'stream.tar': rawTar(members),
      'stream.tar.gz': gzipSync(rawTar(members)),
      'saved.tar': rawTar([{ name: 'blobs/', type: '5' }, ...members]),
      'built.tar': rawTar([
        { name: './', type: '5' },
        { name: 'manifest.json', content: '[]' },
      ]),
    };
    for (const [name, bytes] of Object.entries(archives)) {
      const { path } = scene.store.add(name, bytes);
      assert.equal((await scene.read(path)).kind, 'docker-archive', name);
      writeFileSync(join(scene.directory, name), bytes);
      assert.equal((await scene.read(name)).kind, 'docker-archive', name);
    }
  });

  test('other archives and files are store paths', async (t) => {
    const scene = new Scene(t);
    const source = rawTar([{ name: 'hello-2.12/' }, { name: 'hello-2.12/manifest.json', content: '[]' }]);
    const files = {
      'src.tar.gz': gzipSync(source),
      'src.tar': source,
      text: 'x',
      empty: '',
      'j.json': '{"a": 1}',
    };
    for (const [name, bytes] of Object.entries(files)) {
      const { path } = scene.store.add(name, bytes);
      assert.deepEqual(await scene.read(path), { kind: 'store-paths', roots: [path] }, name);
    }
  });

  test('a file outside the store that is no image is refused as before', async (t) => {
    const scene = new Scene(t);
    writeFileSync(join(scene.directory, 'notes.json'), '{}');
    await assert.rejects(scene.read('notes.json'), { code: 'ERR_USAGE' });
  });

  test('an image is pushed alone', async (t) => {
    const scene = new Scene(t);
    const image = scene.store.add('image.json', N2C).path;
    const other = scene.store.add('hello', {}).path;
    await assert.rejects(scene.read(other, image), {
      code: 'ERR_USAGE',
      message: `${image} is an image already`,
    });
  });
});

suite('mistakes are named with their place', () => {
  const mistakes: [string, object, string][] = [
    ['a layer that is no list', { store_layers: ['/nix/store/x'] }, 'store_layers[0] must be a list'],
    [
      'a path outside of the store',
      { store_layers: [['/usr/bin']] },
      'store_layers[0]: "/usr/bin" is not a store path: it does not lie in /nix/store',
    ],
    ['an owner that is no number', { uid: 'root' }, 'uid must be a number of a user or group'],
    ['a name without a tag', { repo_tag: 'hello' }, 'repo_tag must be a name with a tag like "hello:1.0"'],
    ['an architecture that is none', { architecture: 'x86' }, 'architecture: "linux/x86" is not a platform'],
    ['a time that is none', { created: 'yesterday' }, 'created: "yesterday" is not a creation time'],
    ['a config of the wrong type', { config: { Cmd: 'hello' } }, 'config: Cmd must be a list of strings'],
  ];
  for (const [what, over, message] of mistakes)
    test(`in a configuration of streamLayeredImage: ${what}`, async (t) => {
      const scene = new Scene(t);
      const { path } = scene.store.add('conf.json', streamConfig(over));
      await assert.rejects(scene.read(path), (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_FORMAT');
        assert.ok(error.message.startsWith(`${path}: ${message}`), error.message);
        return true;
      });
    });

  test("in nix2container's JSON", async (t) => {
    const scene = new Scene(t);
    const layers = [{ digest: 'sha256:1', diff_ids: 'sha256:1', mediatype: 'x' }];
    const { path } = scene.store.add(
      'image.json',
      JSON.stringify({ ...(JSON.parse(N2C) as object), layers }),
    );
    await assert.rejects(scene.read(path), {
      code: 'ERR_FORMAT',
      message: `${path}: layers[0].digest must be a SHA-256 digest`,
    });
  });
});
