import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sha256, type Digest } from '../../src/base/digest.ts';
import { push, type PushOptions, type PushResult } from '../../src/index.ts';
import type { StorePathContent } from '../../src/layers/content.ts';
import { plainImage, rawTar, type PlainImage, streamedMembers, type RawMember } from '../support/archives.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { StoreBuilder, type Node } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Config {
  created: string;
  config: Record<string, unknown>;
  rootfs: { diff_ids: Digest[] };
  history: { created?: string; comment?: string }[];
}

interface Pushed {
  readonly result: PushResult;
  readonly config: Config;
  readonly configBytes: Buffer;
  /** As an OCI layout's index names the manifest. */
  readonly tag: string | undefined;
  readonly layers: { digest: Digest; mediaType: string }[];
}

/** A relocated store with images in it. */
class Scene {
  readonly directory: string;
  readonly store: StoreBuilder;
  readonly #paths: StorePathContent[] = [];

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t);
    this.store = new StoreBuilder(this.directory);
  }

  add(name: string, node: Node): string {
    const content = this.store.add(name, node);
    this.#paths.push(content);
    return content.path;
  }

  physical(path: string): string {
    return join(this.directory, path);
  }

  /** The customisation layer of dockerTools. */
  customisation(text = 'root files', checksum?: string): string {
    const tar = rawTar([{ name: './' }, { name: './hello', content: text }]);
    const sum = checksum ?? sha256(tar).slice('sha256:'.length);
    return this.add('hello-customisation-layer', { 'layer.tar': tar, checksum: `${sum}\n` });
  }

  /** The configuration of streamLayeredImage and its script. */
  streamed(over: object): { conf: string; script: string } {
    const conf = this.add(
      'hello-conf.json',
      JSON.stringify({
        architecture: 'amd64',
        variant: '',
        config: { Cmd: ['/bin/hello'], Healthcheck: { Test: ['NONE'] } },
        os: 'linux',
        store_dir: '/nix/store',
        from_image: null,
        store_layers: [],
        customisation_layer: this.customisation(),
        repo_tag: 'hello:abc',
        created: '1970-01-01T00:00:01+00:00',
        mtime: '1970-01-01T00:00:01+00:00',
        uid: '0',
        gid: '0',
        uname: 'root',
        gname: 'root',
        ...over,
      }),
    );
    const program = `#! /nix/store/bash -e\nexec "/nix/store/${'s'.repeat(32)}-stream"  ${conf} "$@" \n`;
    return { conf, script: this.add('stream-hello', { program }) };
  }

  async push(path: string, options: Partial<PushOptions> = {}): Promise<Pushed> {
    return this.read(await push({ ...this.options(path), ...options }));
  }

  options(path: string): PushOptions {
    const closure = join(this.directory, 'closure.json');
    writeFileSync(closure, JSON.stringify(this.#paths.map((each) => ({ ...each, references: [] }))));
    return { paths: [path], store: this.directory, closure, to: [`oci:${this.directory}/image`] };
  }

  /** Whether anything can be found at the destination. */
  get isEmpty(): boolean {
    const index = join(this.directory, 'image/index.json');
    return !existsSync(index) || !readFileSync(index, 'utf8').includes('sha256:');
  }

  read(result: PushResult): Pushed {
    const json = (digest: string): Buffer =>
      readFileSync(join(this.directory, 'image/blobs/sha256', digest.slice('sha256:'.length)));
    const index = JSON.parse(readFileSync(join(this.directory, 'image/index.json'), 'utf8')) as {
      manifests: { annotations?: Record<string, string> }[];
    };
    const manifest = JSON.parse(json(result.manifest!.digest).toString()) as {
      config: { digest: string };
      layers: Pushed['layers'];
    };
    const configBytes = json(manifest.config.digest);
    return {
      result,
      configBytes,
      config: JSON.parse(configBytes.toString()) as Config,
      tag: index.manifests[0]?.annotations?.['org.opencontainers.image.ref.name'],
      layers: manifest.layers,
    };
  }

  blob(digest: string): Buffer {
    return readFileSync(join(this.directory, 'image/blobs/sha256', digest.slice('sha256:'.length)));
  }
}

/** The archive of a base image as dockerTools' pullImage gives it. */
function baseArchive(image = plainImage('one', 'two')): Buffer {
  const config = JSON.stringify({
    ...(JSON.parse(image.config.toString()) as object),
    config: { Env: ['PATH=/bin', 'LANG=C', 'PATH=/usr/bin'], Entrypoint: ['/bin/sh'], User: 'nobody' },
  });
  return rawTar(streamedMembers(renamed(image, config), ['debian:12']));
}

function renamed(image: PlainImage, config: string): PlainImage {
  return {
    ...image,
    config: Buffer.from(config),
    configHex: sha256(Buffer.from(config)).slice('sha256:'.length),
  };
}

function twice({ layers, diffIds, config, configHex }: PlainImage): PlainImage {
  const json = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } };
  const image = { layers: [...layers, ...layers], diffIds: [...diffIds, ...diffIds], config, configHex };
  json.rootfs.diff_ids = image.diffIds;
  return renamed(image, JSON.stringify(json));
}

/** What the script would write, as Python makes it. */
function expected(scene: Scene, conf: string): Config {
  const script = join(repoRoot, 'test/support/python/streamed_image.py');
  const output = execFileSync('python3', [script, scene.physical(conf), scene.directory], {
    encoding: 'utf8',
  });
  return JSON.parse(output) as Config;
}

/** Times may be written in several ways. */
function meaning({ created, history, ...config }: Config): object {
  const time = (text: string): number => Date.parse(text);
  return {
    ...config,
    created: time(created),
    history: history.map((entry) => ({ ...entry, created: time(entry.created!) })),
  };
}

const home = process.env['XDG_CACHE_HOME'];
before(() => {
  // No test may profit from what another remembered.
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  if (home === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = home;
});

suite('an image of streamLayeredImage is the one its script would write', () => {
  const shapes: Record<string, (scene: Scene) => object> = {
    'no store layers': () => ({}),
    'one layer': (scene) => ({
      store_layers: [
        [
          scene.add('lib', { lib: { a: 'a', 'a-b': 'b' } }),
          scene.add('app', { bin: { x: { program: 'x' } } }),
        ],
      ],
    }),
    'a hundred layers': (scene) => ({
      store_layers: Array.from({ length: 98 }, (_, at) => [scene.add(`path-${at}`, { file: `${at}` })]),
    }),
    'another owner': (scene) => ({
      store_layers: [[scene.add('app', { file: 'x', lnk: { link: 'file' } })]],
      uid: '1000',
      gid: '65534',
      uname: 'hello',
      gname: 'nogroup',
    }),
    'another time': (scene) => ({
      store_layers: [[scene.add('app', { file: 'x' })]],
      created: '2024-02-29T12:30:00+02:00',
      mtime: '2023-01-01T00:00:00+00:00',
    }),
    'a time before 1970': (scene) => ({
      store_layers: [[scene.add('app', { file: 'x' })]],
      mtime: '1969-12-31T23:59:59+00:00',
    }),
    'a base image, compressed': (scene) => ({
      from_image: scene.add('debian.tar.gz', gzipSync(baseArchive())),
      store_layers: [[scene.add('app', { file: 'x' })]],
      config: { Env: ['LANG=de', 'A=1', 'A=2'], Cmd: ['/bin/hello'] },
    }),
    'a base image with the same layer twice': (scene) => ({
      from_image: scene.add('debian.tar', baseArchive(twice(plainImage('one')))),
      config: {},
    }),
    'links, hard links and names of any bytes': (scene) => ({
      store_layers: [
        [
          scene.add('odd', {
            ['long'.repeat(40)]: { ümlaut: 'x' },
            'latin1:\xff\xfe': 'bytes',
            one: 'same',
            two: { hard: 'one' },
          }),
          scene.add('link', { link: '/nix/store/x' }),
        ],
      ],
    }),
  };
  for (const [shape, make] of Object.entries(shapes))
    test(`with ${shape}`, needs('python3'), async (t) => {
      const scene = new Scene(t);
      const { conf, script } = scene.streamed(make(scene));
      const { config, tag } = await scene.push(script);
      assert.deepEqual(meaning(config), meaning(expected(scene, conf)));
      assert.equal(tag, 'abc');
    });

  test('in the form of 2020, which has neither owner nor mtime', needs('python3'), async (t) => {
    const scene = new Scene(t);
    const { conf, script } = scene.streamed({
      store_layers: [[scene.add('app', { file: 'x' })]],
      created: '1980-01-01T00:00:00+00:00',
      ...Object.fromEntries(
        ['mtime', 'uid', 'gid', 'uname', 'gname', 'from_image', 'variant'].map((key) => [key, undefined]),
      ),
    });
    const { config } = await scene.push(script);
    assert.deepEqual(meaning(config), meaning(expected(scene, conf)));
  });

  test('its layers are compressed, and those of the base image too', async (t) => {
    const scene = new Scene(t);
    const { script } = scene.streamed({ from_image: scene.add('debian.tar', baseArchive()) });
    const { layers, config } = await scene.push(script);
    assert.deepEqual(
      layers.map(({ digest }) => sha256(gunzipSync(scene.blob(digest)))),
      config.rootfs.diff_ids,
    );
  });

  test('a customisation layer that is not what its checksum says is no image', async (t) => {
    const scene = new Scene(t);
    const layer = scene.customisation('other', '0'.repeat(64));
    const { script } = scene.streamed({ customisation_layer: layer });
    await assert.rejects(scene.push(script), { code: 'ERR_INTEGRITY' });
    assert.ok(scene.isEmpty);
  });
});

suite('options over an image that is described', () => {
  test('config flags and the time of creation win, a DEST with a tag too', async (t) => {
    const scene = new Scene(t);
    const { script } = scene.streamed({ config: { Env: ['A=1', 'B=1'], Cmd: ['/old'] } });
    const { config, tag } = await scene.push(script, {
      to: [`oci:${scene.directory}/image:mine`],
      config: { Cmd: ['/new'], Env: ['B=2'] },
      created: '2026-01-01T00:00:00Z',
    });
    assert.deepEqual(config.config, { Env: ['A=1', 'B=2'], Cmd: ['/new'] });
    assert.equal(config.created, '2026-01-01T00:00:00Z');
    assert.equal(tag, 'mine');
  });

  const useless: Partial<PushOptions>[] = [
    { from: 'oci:base' },
    { maxLayers: 5 },
    { layers: 'auto' },
    { noLinks: true },
    { profile: true },
    { platform: 'linux/arm64' },
  ];
  for (const options of useless)
    test(`${Object.keys(options).join()} is refused`, async (t) => {
      const scene = new Scene(t);
      await assert.rejects(scene.push(scene.streamed({}).script, options), { code: 'ERR_USAGE' });
    });

  test('a dry run shows the layers and sends nothing', async (t) => {
    const scene = new Scene(t);
    const app = scene.add('app', { file: 'x' });
    const { script } = scene.streamed({ store_layers: [[app]] });
    const result = await push({ ...scene.options(script), to: [], dryRun: true });
    assert.deepEqual(
      result.layers.map(({ paths }) => paths),
      [[app], []],
    );
  });
});

suite("nix2container's image", () => {
  const A = 'a'.repeat(32);
  const TREE: Node = { bin: { hello: { program: 'hi\n' } }, lnk: { link: 'bin/hello' } };
  const GOLDEN = 'sha256:9a15c5773864eb941a6b0b01500b280aa3687c7df71354d6c3588b49e8175053';

  function n2c(scene: Scene, layers: object[], over: object = {}): string {
    return scene.add(
      'image-hello.json',
      JSON.stringify({
        version: 1,
        'image-config': { Cmd: ['/bin/hello'], Env: ['A=1'] },
        layers,
        arch: 'amd64',
        created: '0001-01-01T00:00:00Z',
        ...over,
      }),
    );
  }

  function layerOf(path: string, diffId: string, over: object = {}): object {
    return {
      digest: diffId,
      size: 5120,
      diff_ids: diffId,
      paths: [{ path }],
      mediatype: 'application/vnd.oci.image.layer.v1.tar',
      History: { created_by: 'nix2container' },
      ...over,
    };
  }

  test('comes to the diffIDs that it names', async (t) => {
    const scene = new Scene(t);
    const image = n2c(scene, [layerOf(scene.add(`${A}-hello`, TREE), GOLDEN)]);
    const { config, tag } = await scene.push(image);
    assert.deepEqual(config, {
      architecture: 'amd64',
      os: 'linux',
      created: '0001-01-01T00:00:00Z',
      config: { Env: ['A=1'], Cmd: ['/bin/hello'] },
      rootfs: { type: 'layers', diff_ids: [GOLDEN] },
      history: [{ created_by: 'nix2container' }],
    });
    assert.equal(tag, image.slice('/nix/store/'.length).split('-')[0]);
  });

  test('is refused if a diffID is not what its layer comes to', async (t) => {
    const scene = new Scene(t);
    const lie = sha256('a lie');
    const image = n2c(scene, [layerOf(scene.add(`${A}-hello`, TREE), lie)]);
    await assert.rejects(scene.push(image), {
      code: 'ERR_INTEGRITY',
      message: `layer 1 comes to ${GOLDEN}, not to ${lie} as it should`,
    });
    assert.ok(scene.isEmpty);
  });

  test('is refused although what its layers come to is remembered', async (t) => {
    const scene = new Scene(t);
    process.env['XDG_CACHE_HOME'] = join(scene.directory, 'cache');
    t.after(() => (process.env['XDG_CACHE_HOME'] = '/dev/null'));
    const hello = scene.add(`${A}-hello`, TREE);
    await scene.push(n2c(scene, [layerOf(hello, GOLDEN)]));
    const other = scene.add('other', { file: 'other' });
    await assert.rejects(scene.push(n2c(scene, [layerOf(other, GOLDEN)])), { code: 'ERR_INTEGRITY' });
  });

  test('has layers that were made before: tars and compressed blobs of a base image', async (t) => {
    const scene = new Scene(t);
    const tar = rawTar([{ name: 'file', content: 'from a tar' }]);
    const base = rawTar([{ name: 'file', content: 'from the base' }]);
    const blob = gzipSync(base);
    const image = n2c(scene, [
      {
        digest: sha256(blob),
        size: 0,
        diff_ids: sha256(base),
        mediatype: 'application/vnd.oci.image.layer.v1.tar+gzip',
        'layer-path': `${scene.add('base', { blob })}/blob`,
        History: {},
      },
      layerOf('/nix/store/none', sha256(tar), {
        paths: undefined,
        'layer-path': `${scene.add('layers.json', { 'a.tar': tar })}/a.tar`,
      }),
    ]);
    const { config, layers } = await scene.push(image);
    assert.deepEqual(config.rootfs.diff_ids, [sha256(base), sha256(tar)]);
    assert.equal(layers[0]!.digest, sha256(blob));
    assert.deepEqual(gunzipSync(scene.blob(layers[1]!.digest)), tar);
  });

  for (const [what, digests] of Object.entries({
    digest: { digest: sha256('a lie') },
    diffID: { diff_ids: sha256('a lie') },
  }))
    test(`is refused if a blob of its base image has another ${what}`, async (t) => {
      const scene = new Scene(t);
      const base = rawTar([{ name: 'file', content: 'from the base' }]);
      const blob = gzipSync(base);
      const image = n2c(scene, [
        {
          digest: sha256(blob),
          diff_ids: sha256(base),
          mediatype: 'application/vnd.oci.image.layer.v1.tar+gzip',
          'layer-path': `${scene.add('base', { blob })}/blob`,
          ...digests,
        },
      ]);
      await assert.rejects(scene.push(image), { code: 'ERR_INTEGRITY' });
      assert.ok(scene.isEmpty);
    });
});

suite('an archive of buildImage or buildLayeredImage', () => {
  const image = plainImage('one', 'two');
  const members = streamedMembers(image, ['hello:1.0']);
  const built: RawMember[] = [{ name: './', type: '5' }, ...members.toReversed()];
  const forms: Record<string, Buffer> = {
    'plain, layers first': rawTar(members),
    'plain, manifest first': rawTar(built),
    gzip: gzipSync(rawTar(members)),
  };
  for (const [form, bytes] of Object.entries(forms))
    test(`keeps its config and its layers: ${form}`, async (t) => {
      const scene = new Scene(t);
      const { configBytes, layers, tag, result } = await scene.push(scene.add('hello.tar', bytes));
      assert.deepEqual(configBytes, image.config);
      assert.deepEqual(
        layers.map(({ digest }) => gunzipSync(scene.blob(digest))),
        image.layers,
      );
      assert.equal(tag, '1.0');
      assert.deepEqual(
        result.layers.map(({ diffId }) => diffId),
        image.diffIds,
      );
    });

  test('compressed by zstd', needs('zstd'), async (t) => {
    const scene = new Scene(t);
    const bytes = execFileSync('zstd', ['-c'], { input: rawTar(members) });
    const { configBytes } = await scene.push(scene.add('hello.tar.zst', bytes));
    assert.deepEqual(configBytes, image.config);
  });

  test('takes config flags; all else stays', async (t) => {
    const scene = new Scene(t);
    const { config } = await scene.push(scene.add('hello.tar', rawTar(members)), { config: { Cmd: ['/x'] } });
    assert.deepEqual(config, {
      ...(JSON.parse(image.config.toString()) as object),
      config: { Cmd: ['/x'] },
    });
  });

  test('whose layer is damaged is not pushed', async (t) => {
    const scene = new Scene(t);
    const damaged = members.map((member) =>
      member.content === image.layers[1] ? { ...member, content: rawTar([{ name: 'other' }]) } : member,
    );
    await assert.rejects(scene.push(scene.add('hello.tar', rawTar(damaged))), { code: 'ERR_INTEGRITY' });
    assert.ok(scene.isEmpty);
  });
});
