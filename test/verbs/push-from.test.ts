import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import type { HistoryEntry } from '../../src/image/history.ts';
import { inspect, push, type ProgressEvent, type PushOptions, type PushResult } from '../../src/index.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { putBaseImage, putIndex, type BaseFiles, type BaseImageSpec } from '../support/base-images.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

const debian: BaseFiles = {
  'usr/': null,
  'usr/bin/': null,
  'usr/bin/bash': 'x'.repeat(200_000),
  bin: { link: 'usr/bin' },
  'tmp/': { mode: 0o1777, content: null },
};
const alpine: BaseFiles = { 'bin/': null, 'bin/busybox': 'busybox', 'bin/sh': { link: 'busybox' } };
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

interface Scene {
  directory: string;
  paths: { library: string; program: string };
  options: PushOptions;
  events: ProgressEvent[];
  warnings: () => string[];
}

/** A closure of two paths, which make a layer each, and a root layer. */
function scene(t: Test): Scene {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const library = store.add('library-1.0', { lib: { 'lib.so': 'library' } });
  const program = store.add('tool-1.0', { bin: { tool: { program: '#!/bin/sh\n' } } });
  const closure = join(directory, 'closure.json');
  writeFileSync(
    closure,
    JSON.stringify([
      { ...library, references: [] },
      { ...program, references: [library.path] },
    ]),
  );
  const events: ProgressEvent[] = [];
  return {
    directory,
    paths: { library: library.path, program: program.path },
    events,
    warnings: () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    options: {
      paths: [program.path],
      store: directory,
      closure,
      platform: 'linux/amd64',
      to: [`oci:${directory}/image`],
      onProgress: (event) => void events.push(event),
    },
  };
}

async function registry(t: Test, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const started = await startFaultRegistry(quirks);
  t.after(() => void started.stop());
  return started;
}

async function open(text: string): Promise<ImageStore> {
  return openImageStore(parseReference(text), { create: true });
}

async function putBase(
  t: { after(fn: () => void): void },
  place: string,
  spec: BaseImageSpec,
): ReturnType<typeof putBaseImage> {
  const store = await open(place);
  t.after(() => void store.close());
  return putBaseImage(store, spec, '12');
}

interface StoredImage {
  config: {
    config: Record<string, unknown>;
    rootfs: { diff_ids: string[] };
    history: HistoryEntry[];
    variant?: string;
  };
  manifest: { layers: Descriptor[]; annotations: Record<string, string>; config: Descriptor };
}

function readLayout(layout: string, { manifest, config }: PushResult): StoredImage {
  const read = (digest: string): never =>
    JSON.parse(readFileSync(join(layout, 'blobs/sha256', digest.slice(7)), 'utf8')) as never;
  return { manifest: read(manifest!.digest), config: read(config!) };
}

/** Names in the last layer, with what links point at. */
async function rootLayer(layout: string, { manifest }: StoredImage): Promise<string[]> {
  const blob = readFileSync(join(layout, 'blobs/sha256', manifest.layers.at(-1)!.digest.slice(7)));
  const names: string[] = [];
  const reader = extract();
  reader.end(gunzipSync(blob));
  for await (const entry of reader) {
    const { name, mode, type } = entry.header;
    names.push(type === 'directory' ? `${name} ${mode.toString(8)}` : name);
    entry.resume();
  }
  return names;
}

const moved = ({ events }: Scene): string[] =>
  events.flatMap((event) => (event.type === 'layer-done' ? [`${event.layer} ${event.outcome}`] : [])).sort();

const home = process.env['XDG_CACHE_HOME'];
before(() => {
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  process.env['XDG_CACHE_HOME'] = home;
});

suite('a push on a base image', () => {
  test('from a layout has its layers below, its config and its history', async (t) => {
    const s = scene(t);
    const { directory, options, paths } = s;
    const base = await putBase(t, `oci:${directory}/base`, {
      layers: [debian, { 'etc/os-release': 'Debian' }],
      config: { Env: ['PATH=/usr/bin', 'LANG=C'], Cmd: ['bash'], User: 'app', Labels: { a: '1' } },
      history: [
        { created_by: 'ADD rootfs' },
        { created_by: 'ENV', empty_layer: true },
        { created_by: 'COPY' },
      ],
    });
    const result = await push({
      ...options,
      from: `oci:${directory}/base:12`,
      config: { Env: ['LANG=C.UTF-8'], Labels: { b: '2' } },
      annotations: { mine: 'too' },
    });
    const image = readLayout(`${directory}/image`, result);
    assert.deepEqual(
      image.manifest.layers.slice(0, 2).map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
      base.layers,
    );
    assert.equal(image.manifest.layers.length, 5);
    assert.deepEqual(image.config.rootfs.diff_ids.slice(0, 2), base.diffIds);
    assert.deepEqual(image.config.config, {
      User: 'app',
      Env: ['PATH=/usr/bin', 'LANG=C.UTF-8'],
      Cmd: ['/bin/tool'],
      Labels: { a: '1', b: '2' },
    });
    assert.deepEqual(image.config.history.slice(0, 3), [
      { created_by: 'ADD rootfs' },
      { created_by: 'ENV', empty_layer: true },
      { created_by: 'COPY' },
    ]);
    assert.equal(image.config.history.length, 6);
    assert.match(image.config.history[3]!.comment!, /library/);
    assert.deepEqual(image.manifest.annotations, {
      mine: 'too',
      'org.opencontainers.image.base.digest': base.descriptor.digest,
    });
    assert.deepEqual(await rootLayer(`${directory}/image`, image), [
      '/usr/ 755',
      '/usr/bin/ 755',
      '/usr/bin/tool',
    ]);
    assert.deepEqual(moved(s), ['0 uploaded', '1 uploaded', '2 uploaded', '3 uploaded', '4 uploaded']);
    assert.deepEqual(
      result.layers.map(({ base: isBase, paths: names }) => (isBase === true ? 'base' : names.length)),
      ['base', 'base', 1, 1, 0],
    );
    const inspected = await inspect(`oci:${directory}/image`);
    assert.ok(inspected.kind === 'image');
    assert.deepEqual(
      inspected.layers.map((layer) => layer.paths),
      [[], [], [paths.library], [paths.program], []],
    );
  });

  test('in Docker media types is an OCI image of the same blobs', async (t) => {
    const { directory, options } = scene(t);
    const base = await putBase(t, `oci:${directory}/base`, { layers: [alpine], docker: true });
    const result = await push({ ...options, from: `oci:${directory}/base:12` });
    const { manifest } = readLayout(`${directory}/image`, result);
    assert.equal(manifest.layers[0]?.digest, base.layers[0]?.digest);
    for (const { mediaType } of manifest.layers)
      assert.equal(mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
  });

  test('in the same registry has its layers mounted, and in the same repository found', async (t) => {
    const s = scene(t);
    const { host, requests } = await registry(t);
    await putBase(t, `${host}/debian`, { layers: [debian] });
    requests.length = 0;
    const from = `${host}/debian:12`;
    await push({ ...s.options, from, noLinks: true, to: [`${host}/demo`, `${host}/debian:demo`] });
    assert.deepEqual(
      moved(s).filter((line) => line.startsWith('0')),
      ['0 exists', '0 mounted'],
    );
    const mounts = requests.filter(({ path }) => path.includes('mount='));
    assert.equal(mounts.length, 1);
    assert.match(mounts[0]!.path, /^\/v2\/demo\/blobs\/uploads\/\?mount=sha256:.*&from=debian$/);
    const gets = requests.filter(({ operation }) => operation === 'blob-get');
    assert.equal(gets.length, 1, 'only the config is read');
  });

  test('goes from registry to registry in one download for all, be it that a connection breaks', async (t) => {
    const s = scene(t);
    const { directory, options } = s;
    const [source, one, two] = [
      await registry(t),
      await registry(t),
      await registry(t, { mount: 'ignored' }),
    ];
    const base = await putBase(t, `${source.host}/debian`, { layers: [debian] });
    source.requests.length = 0;
    source.fault({ on: 'blob-get', nth: 2, effect: { kind: 'reset', afterBytes: 100 } });
    const to = [`${one.host}/demo`, `${two.host}/demo`, `oci:${directory}/image`];
    const result = await push({ ...options, from: `${source.host}/debian:12`, noLinks: true, to });
    assert.deepEqual(
      result.destinations.map(({ error }) => error),
      [undefined, undefined, undefined],
    );
    const digest = base.layers[0]!.digest;
    for (const { host } of [one, two]) {
      const image = await inspect(`${host}/demo`);
      assert.ok(image.kind === 'image');
      assert.equal(image.layers[0]!.descriptor.digest, digest);
      assert.ok(
        host === one.host
          ? one.repository('demo').blobs.has(digest)
          : two.repository('demo').blobs.has(digest),
      );
    }
    const ranges = source.requests
      .filter(({ path }) => path.includes(digest))
      .map(({ headers }) => headers['range']);
    assert.deepEqual(ranges, [undefined, 'bytes=100-']);
  });

  test('is sent again whole to a registry that lost it half-way', async (t) => {
    const { options } = scene(t);
    const [source, target] = [await registry(t), await registry(t)];
    const base = await putBase(t, `${source.host}/debian`, {
      layers: [{ big: Buffer.from(noise(400_000)) }],
    });
    target.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 20_000 } });
    await push({
      ...options,
      from: `${source.host}/debian:12`,
      noLinks: true,
      jobs: 1,
      to: [`${target.host}/demo`],
    });
    assert.ok(target.repository('demo').blobs.has(base.layers[0]!.digest));
  });

  test('can be stopped while the base stalls', async (t) => {
    for (const noLinks of [true, false]) {
      const s = scene(t);
      const [source, target] = [await registry(t), await registry(t)];
      await putBase(t, `${source.host}/debian`, { layers: [debian] });
      // The config, then the layer.
      source.fault({ on: 'blob-get', nth: 2, effect: { kind: 'stall', afterBytes: 50 } });
      const controller = new AbortController();
      const pushed = push({
        ...s.options,
        from: `${source.host}/debian:12`,
        noLinks,
        to: [`${target.host}/demo`],
        signal: controller.signal,
        onProgress: ({ type }) => {
          if (type === 'base-tree' || type === 'layer-bytes') setImmediate(() => controller.abort());
        },
      });
      await assert.rejects(pushed, { code: 'ERR_ABORTED' });
      assert.deepEqual([...target.repository('demo').tags], []);
    }
  });

  test('says what a tag is today, and is silent about a digest', async (t) => {
    const s = scene(t);
    const { host } = await registry(t);
    const { descriptor } = await putBase(t, `${host}/debian`, { layers: [alpine] });
    const annotation = async (from: string): Promise<unknown> => {
      s.events.length = 0;
      const result = await push({ ...s.options, from });
      assert.equal(result.base?.reference, `${host}/debian@${descriptor.digest}`);
      return readLayout(`${s.directory}/image`, result).manifest.annotations;
    };
    const digest = { 'org.opencontainers.image.base.digest': descriptor.digest };
    const tagged = { 'org.opencontainers.image.base.name': `${host}/debian:12`, ...digest };
    assert.deepEqual(await annotation(`${host}/debian:12`), tagged);
    assert.deepEqual(s.warnings(), [
      `--from ${host}/debian:12 is ${descriptor.digest} today; pin it with --from ${host}/debian:12@${descriptor.digest}`,
    ]);
    assert.deepEqual(await annotation(`${host}/debian:12@${descriptor.digest}`), tagged);
    assert.deepEqual(s.warnings(), []);
    assert.deepEqual(await annotation(`${host}/debian@${descriptor.digest}`), {
      'org.opencontainers.image.base.name': `${host}/debian@${descriptor.digest}`,
      ...digest,
    });
  });

  test('finds its platform in an index, also in one within another, and pins the index', async (t) => {
    const { directory, options } = scene(t);
    const store = await open(`oci:${directory}/base`);
    const one = await putBaseImage(store, { layers: [alpine], config: { User: 'amd' } });
    const two = await putBaseImage(store, { layers: [alpine], platform: arm64, config: { User: 'arm' } });
    const inner = await putIndex(store, [{ ...two.descriptor, platform: arm64 }]);
    const outer = await putIndex(
      store,
      [
        { ...one.descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
        { ...one.descriptor, platform: amd64 },
        inner.descriptor,
      ],
      'all',
    );
    const userFor = async (platform: string): Promise<[unknown, string, unknown]> => {
      const result = await push({ ...options, platform, from: `oci:${directory}/base:all` });
      const { config, manifest } = readLayout(`${directory}/image`, result);
      assert.equal(manifest.annotations['org.opencontainers.image.base.digest'], outer.descriptor.digest);
      return [config.config['User'], result.platform, config.variant];
    };
    assert.deepEqual(await userFor('linux/amd64'), ['amd', 'linux/amd64', undefined]);
    assert.deepEqual(await userFor('linux/arm64'), ['arm', 'linux/arm64/v8', 'v8']);
    await assert.rejects(userFor('linux/riscv64'), {
      code: 'ERR_NOT_FOUND',
      message: `oci:${directory}/base has no image for linux/riscv64`,
      hint: 'It has linux/amd64, linux/arm64/v8.',
    });
  });

  test('counts its layers against --max-layers', async (t) => {
    const { directory, options } = scene(t);
    await putBase(t, `oci:${directory}/base`, { layers: [alpine, alpine, { x: '1' }] });
    const from = `oci:${directory}/base:12`;
    assert.equal((await push({ ...options, from, maxLayers: 5 })).layers.length, 5);
    await assert.rejects(push({ ...options, from, maxLayers: 4 }), {
      code: 'ERR_USAGE',
      message:
        '--max-layers 4 is not enough: there are 3 of the base image, 1 for the links at /, at least 1 for store paths',
    });
  });

  test('is not read if it leaves no layer', async (t) => {
    const { options } = scene(t);
    const { host, requests } = await registry(t);
    const { layers } = await putBase(t, `${host}/base`, { layers: [alpine] });
    requests.length = 0;
    await assert.rejects(push({ ...options, from: `${host}/base:12`, maxLayers: 1 }), { code: 'ERR_USAGE' });
    assert.ok(!requests.some(({ path }) => path.endsWith(layers[0]!.digest)));
  });

  test('of many layers, some of them there twice, works', async (t) => {
    const s = scene(t);
    const { directory, options } = s;
    const { host, requests } = await registry(t);
    const many = Array.from({ length: 60 }, (_, at) => ({ [`file${at % 20}`]: String(at % 20) }));
    const base = await putBase(t, `oci:${directory}/base`, { layers: many });
    const result = await push({ ...options, from: `oci:${directory}/base:12`, to: [`${host}/demo`] });
    assert.deepEqual(
      result.layers.slice(0, 60).map(({ descriptor }) => descriptor?.digest),
      base.layers.map(({ digest }) => digest),
    );
    assert.equal(requests.filter(({ operation }) => operation === 'upload-put').length, 20 + 3 + 1);
    assert.equal(moved(s).filter((line) => line.endsWith('exists')).length, 40);
  });

  test('does not bring store paths that are in the base again', async (t) => {
    const s = scene(t);
    const { directory, options, paths } = s;
    await push({ ...options, to: [`oci:${directory}/base:12`] });
    const again = await push({ ...options, from: `oci:${directory}/base:12` });
    assert.equal(again.layers.length, 4, 'three of the base and a root layer');
    assert.deepEqual(again.base?.storePaths, 2);

    // As dockerTools writes it; one layer's step made no layer.
    await putBase(t, `oci:${directory}/dockertools`, {
      layers: [{ 'nix/store/x': '' }],
      history: [
        { created_by: 'ENV', empty_layer: true, comment: `store paths: ['${paths.program}']` },
        {
          created: '1970-01-01T00:00:01+00:00',
          comment: `store paths: ['/nix/store/other', '${paths.library}']`,
        },
      ],
    });
    const partly = await push({ ...options, from: `oci:${directory}/dockertools:12` });
    assert.deepEqual(
      partly.layers.slice(1).map((layer) => layer.paths),
      [[paths.program], []],
    );
    assert.equal(partly.base?.storePaths, 1);
  });

  test('does not bring a layer again whose recipe the base names', async (t) => {
    const { directory, options } = scene(t);
    const [first] = (await push({ ...options, to: [], dryRun: true })).layers;
    await putBase(t, `oci:${directory}/base`, {
      layers: [{ 'nix/store/x': '' }],
      layer: (descriptor) => ({ ...descriptor, annotations: { 'dev.nixpush.recipe': first!.recipe! } }),
    });
    const result = await push({ ...options, from: `oci:${directory}/base:12` });
    assert.deepEqual(
      result.layers.map(({ recipe }) => recipe === first!.recipe),
      [false, false, false],
    );
    assert.equal(result.layers[0]?.descriptor?.annotations?.['dev.nixpush.recipe'], first!.recipe);
  });

  test('reads the directories of the base once, and not at all without a root layer', async (t) => {
    const s = scene(t);
    const { directory, options, events } = s;
    process.env['XDG_CACHE_HOME'] = directory;
    t.after(() => (process.env['XDG_CACHE_HOME'] = '/dev/null'));
    const { host, requests } = await registry(t);
    const { layers } = await putBase(t, `${host}/debian`, { layers: [debian] });
    const reads = async (changes: Partial<PushOptions>): Promise<number> => {
      requests.length = events.length = 0;
      await push({ ...options, from: `${host}/debian:12`, to: [], dryRun: true, ...changes });
      const announced = events.filter(({ type }) => type === 'base-tree').length;
      const read = requests.filter(({ path }) => path.endsWith(layers[0]!.digest)).length;
      assert.equal(announced, read);
      return read;
    };
    assert.equal(await reads({ noLinks: true }), 0);
    assert.equal(await reads({ noCache: true }), 1);
    assert.equal(await reads({}), 1);
    assert.equal(await reads({}), 0);
    assert.equal(readdirSync(join(directory, 'nixpush/base')).length, 1);
  });

  test('tells which files of the base links take the place of', async (t) => {
    const s = scene(t);
    await putBase(t, `oci:${s.directory}/base`, { layers: [{ ...debian, 'usr/bin/tool': 'old' }] });
    await push({ ...s.options, from: `oci:${s.directory}/base:12` });
    assert.match(
      s.warnings().join('\n'),
      /the root layer takes the place of files of the base image: \/usr\/bin\/tool/,
    );
  });

  test('a dry run says which of its layers are missing where', async (t) => {
    const { directory, options } = scene(t);
    const { host } = await registry(t);
    await putBase(t, `oci:${directory}/base`, { layers: [alpine] });
    const to = [`oci:${directory}/base:x`, `${host}/demo`];
    const result = await push({ ...options, to, from: `oci:${directory}/base:12`, dryRun: true });
    assert.deepEqual(result.layers[0]?.missingAt, [`${host}/demo`]);
    assert.equal(result.base?.storePaths, 0);
  });

  test('without a base makes the same image as ever: no empty annotations', async (t) => {
    const { directory, options } = scene(t);
    const { manifest } = readLayout(`${directory}/image`, await push(options));
    assert.equal(manifest.annotations, undefined);
  });
});

suite('a base image that is not as it should be', () => {
  const failing = async (
    t: Test,
    spec: BaseImageSpec,
    expected: object,
    damage: (registry: FaultRegistry, base: Awaited<ReturnType<typeof putBaseImage>>) => void = () =>
      undefined,
    changes: Partial<PushOptions> = {},
  ): Promise<void> => {
    const { directory, options } = scene(t);
    const source = await registry(t);
    const base = await putBase(t, `${source.host}/debian`, spec);
    damage(source, base);
    const target = await registry(t);
    const to = [`${target.host}/demo`, `oci:${directory}/image`];
    await assert.rejects(push({ ...options, to, from: `${source.host}/debian:12`, ...changes }), expected);
    assert.deepEqual([...target.repository('demo').tags], []);
    const index = `${directory}/image/index.json`;
    assert.ok(!existsSync(index) || !readFileSync(index, 'utf8').includes('latest'));
  };
  const other = gzipSync(Buffer.from('other'));

  test('a layer with other bytes than its digest says', async (t) => {
    for (const noLinks of [true, false])
      await failing(
        t,
        { layers: [debian] },
        { code: 'ERR_INTEGRITY' },
        (source, { layers: [layer] }) => {
          const bytes = Buffer.alloc(layer!.size);
          other.copy(bytes);
          source.repository('debian').blobs.set(layer!.digest, bytes);
        },
        { noLinks },
      );
  });

  test('a layer that is longer, shorter or missing', async (t) => {
    const damages = [
      (bytes: Buffer) => Buffer.concat([bytes, bytes]),
      (bytes: Buffer) => bytes.subarray(0, 20),
    ];
    for (const damaged of damages)
      await failing(
        t,
        { layers: [alpine] },
        { code: 'ERR_INTEGRITY' },
        (source, { layers: [layer] }) => {
          const { blobs } = source.repository('debian');
          blobs.set(layer!.digest, damaged(blobs.get(layer!.digest)!));
        },
        { noLinks: true },
      );
    await failing(
      t,
      { layers: [alpine] },
      { code: 'ERR_NOT_FOUND' },
      (source, { layers: [layer] }) => void source.repository('debian').blobs.delete(layer!.digest),
      { noLinks: true },
    );
  });

  test('a diffID that is not the layer', async (t) => {
    const document = { rootfs: { type: 'layers', diff_ids: [sha256('x')] } };
    await failing(t, { layers: [alpine], document }, { code: 'ERR_INTEGRITY', message: /diffID/ });
  });

  test('more or fewer diffIDs than layers, or odd ones', async (t) => {
    for (const diffIds of [[], [sha256('x'), sha256('y')], ['x'], undefined])
      await failing(
        t,
        { layers: [alpine], document: { rootfs: { type: 'layers', diff_ids: diffIds } } },
        { code: 'ERR_FORMAT' },
      );
  });

  test('another platform, or none', async (t) => {
    await failing(
      t,
      { layers: [alpine], platform: arm64 },
      { code: 'ERR_NOT_FOUND', message: /is for linux\/arm64\/v8, not for linux\/amd64$/ },
    );
    await failing(
      t,
      { layers: [alpine], document: { os: 1 } },
      { code: 'ERR_FORMAT', message: /which platform/ },
    );
  });

  test('a foreign layer, an unknown one, or a config that is none', async (t) => {
    const typed = (mediaType: string): BaseImageSpec => ({
      layers: [alpine],
      layer: (descriptor) => ({ ...descriptor, mediaType }),
    });
    await failing(t, typed('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), {
      code: 'ERR_FORMAT',
      message: /may not be redistributed/,
    });
    await failing(t, typed('text/plain'), {
      code: 'ERR_FORMAT',
      message: /layer 1 of .* is of type text\/plain/,
    });
  });

  test('a manifest other than the one pinned', async (t) => {
    const pinned = sha256('another manifest');
    const { directory, options } = scene(t);
    const source = await registry(t);
    const base = await putBase(t, `${source.host}/debian`, { layers: [alpine] });
    const { manifests } = source.repository('debian');
    manifests.set(pinned, manifests.get(base.descriptor.digest)!);
    source.quirks = { digestHeader: 'missing' };
    await assert.rejects(push({ ...options, from: `${source.host}/debian:12@${pinned}` }), {
      code: 'ERR_INTEGRITY',
    });
    assert.ok(!existsSync(`${directory}/image`));
  });

  test('indexes without end', async (t) => {
    const { directory, options } = scene(t);
    const store = await open(`oci:${directory}/base`);
    let { descriptor } = await putIndex(store, []);
    for (let depth = 0; depth < 6; depth++) ({ descriptor } = await putIndex(store, [descriptor], 'deep'));
    await assert.rejects(push({ ...options, from: `oci:${directory}/base:deep` }), {
      code: 'ERR_FORMAT',
      message: /too many indexes/,
    });
  });

  test('a reference that is none, a tag or a layout that is not there', async (t) => {
    const { directory, options } = scene(t);
    await assert.rejects(push({ ...options, from: 'x/UPPER' }), { code: 'ERR_USAGE' });
    await assert.rejects(push({ ...options, from: `oci:${directory}/none` }), { code: 'ERR_NOT_FOUND' });
    const { host } = await registry(t);
    await assert.rejects(push({ ...options, from: `${host}/none:1` }), { code: 'ERR_NOT_FOUND' });
  });
});

/** Text that does not compress to nothing. */
function noise(length: number): string {
  let text = '';
  for (let at = 0; text.length < length; at++) text += ((at * 2_654_435_761) >>> 7).toString(36);
  return text.slice(0, length);
}
