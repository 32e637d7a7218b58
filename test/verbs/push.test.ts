import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  NixpushError,
  push,
  type ProgressEvent,
  type PushOptions,
  type PushResult,
} from '../../src/index.ts';
import { personalities, startFaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

interface Scene {
  directory: string;
  store: StoreBuilder;
  /** Options that push a closure of three paths. */
  options: PushOptions;
}

const noise = Array.from({ length: 700_000 }, (_, i) => ((i * 2_654_435_761) >>> 7).toString(36)).join('\n');

/** `more` further libraries are as large as the first. */
function scene(t: Test, more = 0): Scene {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const library = store.add('library-1.0', { lib: { 'lib.so': noise.slice(0, 5_000_000) } });
  const data = store.add('data-1.0', { share: { text: 'some data' } });
  const program = store.add('tool-1.0', { bin: { tool: { program: '#!/bin/sh\n' } } });
  const others = Array.from({ length: more }, (_, i) =>
    store.add(`other-${i}`, { lib: { 'lib.so': noise.slice(i, 5_000_000) } }),
  );
  const used = [library, data, ...others];
  const closure = join(directory, 'closure.json');
  const describe = ({ path, narHash, narSize }: typeof library) => ({
    path,
    narHash,
    narSize,
    references: path === program.path ? used.map((each) => each.path) : [],
  });
  writeFileSync(closure, JSON.stringify([...used, program].map(describe)));
  const options: PushOptions = {
    paths: [program.path],
    store: directory,
    closure,
    platform: 'linux/amd64',
    to: [`oci:${directory}/image:latest`],
  };
  return { directory, store, options };
}

async function registry(t: Test, quirks: RegistryQuirks = {}) {
  const started = await startFaultRegistry(quirks);
  t.after(() => void started.stop());
  return started;
}

function blobs(layout: string): string[] {
  return readdirSync(join(layout, 'blobs/sha256')).sort();
}

const home = process.env['XDG_CACHE_HOME'];
before(() => {
  // No test may profit from what another remembered.
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  process.env['XDG_CACHE_HOME'] = home;
});

suite('push', () => {
  test('into a layout gives a whole image', async (t) => {
    const { directory, options } = scene(t);
    const result = await push(options);
    assert.equal(result.layers.length, 4);
    assert.deepEqual(result.destinations, [
      {
        destination: `oci:${directory}/image:latest`,
        reference: `oci:${directory}/image@${result.manifest?.digest}`,
        tags: ['latest'],
        sentBytes: result.destinations[0]!.sentBytes,
      },
    ]);
    const wanted = [result.manifest!, ...result.layers.map(({ descriptor }) => descriptor!)].map(
      ({ digest }) => digest,
    );
    assert.deepEqual(
      blobs(`${directory}/image`),
      [...wanted, result.config!].map((digest) => digest.slice('sha256:'.length)).sort(),
    );
    const config = JSON.parse(
      readFileSync(`${directory}/image/blobs/sha256/${result.config!.slice(7)}`, 'utf8'),
    );
    assert.deepEqual(config.config, { Cmd: ['/bin/tool'] });
    assert.deepEqual(
      config.rootfs.diff_ids,
      result.layers.map(({ diffId }) => diffId),
    );
    assert.deepEqual(
      config.history.map(({ comment }: { comment: string }) => comment.replaceAll(/0{10,}/g, '')),
      [
        "store paths: ['/nix/store/2-data-1.0']",
        "store paths: ['/nix/store/1-library-1.0']",
        "store paths: ['/nix/store/3-tool-1.0']",
        "links at / to store paths: ['/nix/store/3-tool-1.0']",
      ],
    );
  });

  test('every layer carries the digest of its recipe', async (t) => {
    const { options } = scene(t);
    const { layers } = await push(options);
    for (const { descriptor, recipe } of layers)
      assert.deepEqual(descriptor?.annotations, { 'dev.nixpush.recipe': recipe });
  });

  for (const compression of ['gzip', 'zstd', 'none'])
    test(`${compression}: to two registries and a layout at once the same image, each path read once`, async (t) => {
      const { directory, options } = scene(t);
      const [one, two] = [await registry(t), await registry(t)];
      let read = 0;
      const result = await push({
        ...options,
        compression,
        to: [`${one.host}/x/demo:a`, `${one.host}/x/demo:b`, `${two.host}/y`, `oci:${directory}/image`],
        onProgress: (event) => {
          if (event.type === 'layer-bytes') read += event.read;
        },
      });
      const digest = result.manifest!.digest;
      assert.deepEqual(
        result.destinations.map(({ reference, tags }) => [reference, tags]),
        [
          [`${one.host}/x/demo@${digest}`, ['a']],
          [`${one.host}/x/demo@${digest}`, ['b']],
          [`${two.host}/y@${digest}`, ['latest']],
          [`oci:${directory}/image@${digest}`, ['latest']],
        ],
      );
      assert.ok(read < 5_300_000, `${read} bytes read`);
    });

  test('what the registry has is not sent again, and with a memory not even read', async (t) => {
    const { directory, options } = scene(t);
    process.env['XDG_CACHE_HOME'] = directory;
    t.after(() => (process.env['XDG_CACHE_HOME'] = '/dev/null'));
    const { host, requests } = await registry(t);
    const first = await push({ ...options, to: [`${host}/demo`] });
    requests.length = 0;
    // There is nothing left that could be read.
    rmSync(join(directory, 'nix/store', `${'0'.repeat(31)}1-library-1.0/lib`), { recursive: true });
    const events: ProgressEvent[] = [];
    const second = await push({
      ...options,
      to: [`${host}/demo`],
      onProgress: (event) => void events.push(event),
    });
    assert.equal(second.manifest?.digest, first.manifest?.digest);
    assert.deepEqual(
      requests.filter(({ method }) => method === 'POST' || method === 'PATCH'),
      [],
    );
    assert.ok(!events.some(({ type }) => type === 'layer-bytes'));
    assert.equal(second.destinations[0]?.sentBytes, 0);
  });

  test('a registry that cannot take two layers at once gets one after the other', async (t) => {
    const { options } = scene(t, 3);
    const { host, requests } = await registry(t, personalities.nexus);
    await push({ ...options, compression: 'none', to: [`${host}/demo`] });
    assert.deepEqual(
      requests.filter(({ status }) => status >= 400 && status !== 404),
      [],
    );
  });

  test('a destination that fails does not stop the others', async (t) => {
    const { directory, options } = scene(t);
    const denying = await registry(t);
    denying.fault({
      on: 'upload-start',
      times: 100,
      effect: { kind: 'answer', status: 403, code: 'DENIED' },
    });
    const result = await push({ ...options, to: [`${denying.host}/demo`, `oci:${directory}/image`] });
    const [failed, done] = result.destinations;
    assert.ok(failed?.error instanceof NixpushError);
    assert.equal(failed.error.code, 'ERR_DENIED');
    assert.equal(failed.reference, undefined);
    assert.equal(done?.error, undefined);
    assert.ok(existsSync(`${directory}/image/index.json`));
  });

  test('a file missing in the store stops everything, and no tag appears', async (t) => {
    const { directory, store, options } = scene(t);
    rmSync(join(store.trees.directory, `${'0'.repeat(31)}1-library-1.0/lib/lib.so`));
    const { host, requests } = await registry(t);
    await assert.rejects(push({ ...options, to: [`${host}/demo`, `oci:${directory}/image`] }), {
      code: 'ERR_INTEGRITY',
      path: `/nix/store/${'0'.repeat(31)}1-library-1.0`,
    });
    assert.ok(
      !existsSync(`${directory}/image/index.json`) ||
        !readFileSync(`${directory}/image/index.json`, 'utf8').includes('latest'),
    );
    assert.deepEqual(
      requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/')),
      [],
    );
  });

  test('an abort stops it with the reason', async (t) => {
    const { options } = scene(t);
    const { host, requests } = await registry(t);
    const controller = new AbortController();
    const aborted = push({
      ...options,
      to: [`${host}/demo`],
      signal: controller.signal,
      onProgress: ({ type }) => {
        if (type === 'layer-bytes') controller.abort();
      },
    });
    await assert.rejects(aborted, { code: 'ERR_ABORTED' });
    assert.deepEqual(
      requests.filter(({ path }) => path.includes('/manifests/')),
      [],
    );
  });

  test('a dry run plans and writes nothing', async (t) => {
    const { directory, options } = scene(t);
    const result = await push({ ...options, dryRun: true });
    assert.equal(result.manifest, undefined);
    assert.equal(result.layers.length, 4);
    assert.ok(!existsSync(`${directory}/image`));
    assert.equal((await push({ ...options, to: [], dryRun: true })).layers.length, 4);
  });
});

suite('options of push', () => {
  const imageOf = async (
    t: Test,
    changes: Partial<PushOptions>,
  ): Promise<{ result: PushResult; config: Record<string, never> }> => {
    const { directory, options } = scene(t);
    const result = await push({ ...options, ...changes });
    const config = readFileSync(`${directory}/image/blobs/sha256/${result.config!.slice(7)}`, 'utf8');
    return { result, config: JSON.parse(config) };
  };

  test('--max-layers counts the root layer', async (t) => {
    assert.equal((await imageOf(t, { maxLayers: 3 })).result.layers.length, 3);
    assert.equal((await imageOf(t, { maxLayers: 2 })).result.layers.length, 2);
    await assert.rejects(imageOf(t, { maxLayers: 1 }), { code: 'ERR_USAGE' });
    assert.equal((await imageOf(t, { maxLayers: 1, noLinks: true })).result.layers.length, 1);
  });

  test('--no-links leaves out the root layer and names the program by its store path', async (t) => {
    const { config } = await imageOf(t, { noLinks: true });
    assert.deepEqual(config['config'], { Cmd: [`/nix/store/${'0'.repeat(31)}3-tool-1.0/bin/tool`] });
  });

  test('a command of the config is kept, and so is every key that is not known', async (t) => {
    const { config } = await imageOf(t, {
      config: { Entrypoint: ['/bin/tool'], Healthcheck: { Test: ['NONE'] } },
    });
    assert.deepEqual(config['config'], { Entrypoint: ['/bin/tool'], Healthcheck: { Test: ['NONE'] } });
  });

  test('platform, time and annotations', async (t) => {
    const { result, config } = await imageOf(t, {
      platform: 'linux/arm64/v8',
      created: '2024-02-03',
      annotations: { a: 'b' },
    });
    assert.equal(result.platform, 'linux/arm64/v8');
    assert.deepEqual(
      [config['os'], config['architecture'], config['variant'], config['created']],
      ['linux', 'arm64', 'v8', '2024-02-03T00:00:00Z'],
    );
  });

  test('--layers expected takes weights from a file', async (t) => {
    const file = join(temporaryDirectory(t), 'weights.json');
    writeFileSync(file, JSON.stringify({ data: 1000 }));
    const { result } = await imageOf(t, { layers: 'expected', layerWeights: file, maxLayers: 3 });
    // What changes all the time does not share its layer, except with what it makes change.
    assert.deepEqual(
      result.layers.map(({ paths }) => paths.map((path) => path.replace(/^.*0(?=\d-)/, ''))),
      [['1-library-1.0'], ['2-data-1.0', '3-tool-1.0'], []],
    );
    writeFileSync(file, '[]');
    await assert.rejects(imageOf(t, { layers: 'expected', layerWeights: file }), { code: 'ERR_FORMAT' });
    await assert.rejects(imageOf(t, { layers: 'expected', layerWeights: `${file}.no` }), {
      code: 'ERR_NOT_FOUND',
    });
  });

  for (const [name, changes] of Object.entries<Partial<PushOptions>>({
    'no destination': { to: [] },
    'a malformed tag': { to: ['localhost:1/x:bad tag'] },
    'a digest as destination': { to: [`localhost:1/x@sha256:${'0'.repeat(64)}`] },
    'an unknown codec': { compression: 'lzma' },
    'a level too high': { compression: 'gzip:13' },
    'a platform that is none': { platform: 'amd64' },
    'no layers': { maxLayers: 0 },
    'half a job': { jobs: 0.5 },
    'weights that nobody reads': { layers: 'auto', layerWeights: 'weights.json' },
  }))
    test(`${name} is refused before anything is done`, async (t) => {
      await assert.rejects(imageOf(t, changes), { code: 'ERR_USAGE' });
    });
});
