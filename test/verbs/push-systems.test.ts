import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { index, inspect, push, pushSystems, type ProgressEvent } from '../../src/index.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import type { PushSystemsOptions } from '../../src/verbs/push/push-options.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

interface Scene {
  readonly directory: string;
  readonly options: Omit<PushSystemsOptions, 'to'>;
  /** Of each system, in the order of `options.systems`. */
  readonly programs: readonly string[];
}

/** Closures for two systems: a program for each, and data that both need. */
function scene(t: Test): Scene {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const data = store.add('data-1.0', { share: { words: 'the same for all\n'.repeat(10_000) } });
  const programs = ['x86_64-linux', 'aarch64-linux'].map((system) =>
    store.add(`tool-${system}`, { bin: { tool: { program: `#!/bin/sh\necho ${system}\n` } } }),
  );
  const closure = join(directory, 'closure.json');
  const paths = [
    { ...data, references: [] },
    ...programs.map((each) => ({ ...each, references: [data.path] })),
  ];
  writeFileSync(closure, JSON.stringify(paths));
  const systems = [
    { system: 'x86_64-linux', paths: [programs[0]!.path] },
    { system: 'aarch64-linux', paths: [programs[1]!.path] },
  ];
  return {
    directory,
    options: { systems, store: directory, closure, noCache: true },
    programs: programs.map(({ path }) => path),
  };
}

async function registry(t: Test): Promise<FaultRegistry> {
  const started = await startFaultRegistry();
  t.after(() => void started.stop());
  return started;
}

suite('closures for several systems', () => {
  test('become one index of the images that pushes for each platform make', async (t) => {
    const { directory, options, programs } = scene(t);
    const { store, closure } = options as { store: string; closure: string };
    const to = [`oci:${directory}/both:1`];
    const result = await pushSystems({ ...options, to });
    const single = ['linux/amd64', 'linux/arm64'].map((platform, at) =>
      push({
        paths: [programs[at]!],
        store,
        closure,
        platform,
        to: [`oci:${directory}/${at}:1`],
        noCache: true,
      }),
    );
    assert.deepEqual(
      result.images.map(({ manifest }) => manifest),
      (await Promise.all(single)).map(({ manifest }) => manifest),
    );
    const made = await index([`oci:${directory}/0:1`, `oci:${directory}/1:1`], {
      to: [`oci:${directory}/2:1`],
    });
    assert.equal(result.manifest!.digest, made.manifest.digest);
    assert.deepEqual(result.destinations[0]!.reference, `oci:${directory}/both@${result.manifest!.digest}`);
  });

  test('may be described, each on a base of its own', async (t) => {
    const { directory, options, programs } = scene(t);
    const { closure } = options as { closure: string };
    const infos = JSON.parse(readFileSync(closure, 'utf8')) as object[];
    const systems = await Promise.all(
      options.systems.map(async ({ system }, at) => {
        const platform = { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' };
        const store = await openImageStore(parseReference(`oci:${directory}/base`), { create: true });
        await putBaseImage(store, { layers: [{ [system]: '' }], platform }, system);
        await store.close();
        const definition = {
          nixpush: 1,
          fromImage: `oci:${directory}/base:${system}`,
          contents: [programs[at]],
          config: { Cmd: [system] },
          closure: infos,
        };
        writeFileSync(join(directory, `${system}.json`), JSON.stringify(definition));
        return { system, paths: [join(directory, `${system}.json`)] };
      }),
    );
    const { closure: _, ...rest } = options;
    const { images } = await pushSystems({ ...rest, systems, to: [`oci:${directory}/both:1`] });
    assert.deepEqual(
      images.map(({ platform, layers }) => [platform, layers[0]!.base, layers.length]),
      [
        ['linux/amd64', true, 4],
        ['linux/arm64', true, 4],
      ],
    );
    writeFileSync(
      join(directory, 'x'),
      JSON.stringify({ version: 1, 'image-config': {}, layers: [], arch: 'amd64', created: null }),
    );
    await assert.rejects(
      pushSystems({
        ...rest,
        systems: [{ system: 'x86_64-linux', paths: [join(directory, 'x')] }],
        to: ['x/y'],
      }),
      {
        code: 'ERR_USAGE',
        message: /x is an image already, which --system cannot plan/,
      },
    );
  });

  test('leave one entry in the index.json of a layout', async (t) => {
    const { directory, options } = scene(t);
    const result = await pushSystems({
      ...options,
      to: [`oci:${directory}/both:1`, `oci:${directory}/both:2`],
    });
    const json = readFileSync(join(directory, 'both/index.json'), 'utf8');
    const { manifests } = JSON.parse(json) as { manifests: Descriptor[] };
    assert.deepEqual(
      manifests.map(({ digest, annotations }) => [digest, ...Object.values(annotations!)]),
      ['1', '2'].map((tag) => [result.manifest!.digest, tag]),
    );
  });

  test('send a layer that they share once, even if nothing is remembered', async (t) => {
    const { options, programs } = scene(t);
    const home = await registry(t);
    const result = await pushSystems({ ...options, to: [`${home.host}/x/demo:1`] });
    const [one, two] = result.images.map(({ layers }) => layers);
    assert.equal(one![0]!.descriptor!.digest, two![0]!.descriptor!.digest);
    const uploads = home.requests.filter(({ operation }) => operation === 'upload-start').length;
    // Data, two programs, two root layers with their links, two configs.
    assert.equal(uploads, 1 + programs.length * 3);
    assert.equal(home.repository('x/demo').blobs.size, uploads);
  });

  test('that are there already cost a look at each image and at the tag', async (t) => {
    const { directory, options } = scene(t);
    const home = await registry(t);
    const cache = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = directory;
    t.after(() => {
      process.env['XDG_CACHE_HOME'] = cache;
    });
    const again = { ...options, noCache: false, to: [`${home.host}/x/demo:1`] };
    await pushSystems(again);
    home.requests.length = 0;
    await pushSystems(again);
    assert.deepEqual(home.dialogue(), ['HEAD 200', 'HEAD 200', 'HEAD 200']);
  });

  test('are counted through in what is told of the layers', async (t) => {
    const { directory, options } = scene(t);
    const events: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent): void => void events.push(event);
    await pushSystems({ ...options, to: [`oci:${directory}/both`], onProgress });
    const plans = events.flatMap((event) => (event.type === 'plan' ? [event.layers.length] : []));
    const done = events.flatMap((event) => (event.type === 'layer-done' ? [event.layer] : []));
    assert.deepEqual(plans, [6]);
    assert.deepEqual(
      done.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
    assert.equal(events.filter(({ type }) => type === 'destination-done').length, 1);
  });

  test('are named in the warnings about them', async (t) => {
    const { directory, options } = scene(t);
    const warnings: string[] = [];
    await pushSystems({
      ...options,
      systems: options.systems.map(({ system }) => ({
        system,
        paths: [`/nix/store/${'0'.repeat(31)}1-data-1.0`],
      })),
      to: [`oci:${directory}/both`],
      onProgress: (event) => void (event.type === 'warning' && warnings.push(event.message)),
    });
    assert.deepEqual(
      warnings.map((message) => message.slice(0, message.indexOf(': '))),
      ['x86_64-linux', 'aarch64-linux'],
    );
  });

  test('come on top of the base image for their platform, which is looked up once', async (t) => {
    const { directory, options } = scene(t);
    const home = await registry(t);
    const base = await openImageStore(parseReference(`${home.host}/x/base`), { create: true });
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    const images: Descriptor[] = [];
    for (const platform of platforms) {
      const image = await putBaseImage(base, { layers: [{ [platform.architecture]: 'base' }], platform });
      images.push({ ...image.descriptor, platform });
    }
    const root = await putIndex(base, images, 'latest');
    await base.close();
    const warnings: string[] = [];
    const result = await pushSystems({
      ...options,
      from: `${home.host}/x/base`,
      to: [`oci:${directory}/both:1`],
      onProgress: (event) => void (event.type === 'warning' && warnings.push(event.message)),
    });
    for (const [at, image] of result.images.entries()) {
      assert.equal(image.base?.reference, `${home.host}/x/base@${root.descriptor.digest}`);
      const seen = await inspect(`oci:${directory}/both@${image.manifest!.digest}`);
      assert.equal(seen.annotations['org.opencontainers.image.base.name'], `${home.host}/x/base:latest`);
      assert.equal(image.layers[0]!.descriptor!.digest, await firstLayer(home, images[at]!));
    }
    assert.equal(warnings.filter((message) => message.includes('pin it with')).length, 1);
  });
});

async function firstLayer(home: FaultRegistry, image: Descriptor): Promise<string> {
  const { bytes } = home.repository('x/base').manifests.get(image.digest)!;
  return (JSON.parse(bytes.toString()) as { layers: Descriptor[] }).layers[0]!.digest;
}

suite('nothing is half-published', () => {
  test('no tag moves if the image for the second system cannot be stored', async (t) => {
    const { options } = scene(t);
    const home = await registry(t);
    home.fault({
      on: 'manifest-put',
      nth: 2,
      times: 100,
      effect: { kind: 'answer', status: 403, code: 'DENIED' },
    });
    await assert.rejects(pushSystems({ ...options, to: [`${home.host}/x/demo:1`] }), { code: 'ERR_DENIED' });
    assert.equal(home.repository('x/demo').tags.size, 0);
  });

  test('no byte is sent if the path of one system is none', async (t) => {
    const { options } = scene(t);
    const home = await registry(t);
    const systems = [...options.systems, { system: 's390x-linux', paths: ['/nonexistent'] }];
    await assert.rejects(pushSystems({ ...options, systems, to: [`${home.host}/x/demo:1`] }), {
      code: 'ERR_USAGE',
    });
    assert.equal(home.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD').length, 0);
  });

  test('a destination that fails does not keep the others from having all of it', async (t) => {
    const { options } = scene(t);
    const [home, broken] = [await registry(t), await registry(t)];
    broken.fault({ on: 'manifest-put', effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    const to = [`${home.host}/x/demo:1`, `${broken.host}/x/demo:1`];
    const { manifest, destinations } = await pushSystems({ ...options, to });
    assert.equal(home.repository('x/demo').tags.get('1'), manifest!.digest);
    assert.equal((destinations[1]!.error as { code?: string }).code, 'ERR_DENIED');
    assert.equal(broken.repository('x/demo').tags.size, 0);
  });

  test('a dry run plans every image and writes nothing', async (t) => {
    const { directory, options } = scene(t);
    const before = readdirSync(directory);
    const { images, manifest } = await pushSystems({
      ...options,
      to: [`oci:${directory}/both`],
      dryRun: true,
    });
    assert.deepEqual(
      images.map(({ system, platform, layers }) => [system, platform, layers.length]),
      [
        ['x86_64-linux', 'linux/amd64', 3],
        ['aarch64-linux', 'linux/arm64', 3],
      ],
    );
    assert.equal(manifest, undefined);
    assert.deepEqual(readdirSync(directory), before);
  });
});

suite('a destination that does not answer', () => {
  for (const operation of ['ping', 'upload-start', 'manifest-put'] as const)
    test(`${operation}: the other has all images and the index before it does, of one generation`, async (t) => {
      const { options } = scene(t);
      const [good, slow] = [await registry(t), await registry(t)];
      let answer!: () => void;
      const until = new Promise<void>((resolve) => (answer = resolve));
      slow.fault({ on: operation, times: Infinity, effect: { kind: 'hold', until } });
      const done: string[] = [];
      const started: number[] = [];
      const onProgress = (event: ProgressEvent): void => {
        if (event.type === 'layer-start') started.push(event.layer);
        if (event.type !== 'destination-done') return;
        done.push(event.destination);
        answer();
      };
      const to = [`${slow.host}/x/demo:1`, `${good.host}/x/demo:1`];
      const { manifest, destinations } = await pushSystems({ ...options, to, onProgress });
      assert.deepEqual(done, [`${good.host}/x/demo`, `${slow.host}/x/demo`]);
      assert.ok(destinations.every(({ error }) => error === undefined));
      assert.equal(slow.repository('x/demo').tags.get('1'), manifest!.digest);
      const held = [good, slow].map((each) => [...each.repository('x/demo').blobs.keys()].sort());
      assert.deepEqual(held[1], held[0]);
      // Data that both need, two programs, two root layers.
      assert.equal(started.length, 5);
    });
});

suite('systems', () => {
  test('are those of Nix, and their platforms those of Go', async (t) => {
    const { directory, options } = scene(t);
    const { paths } = options.systems[0]!;
    const names = [
      'armv7l-linux',
      'armv6l-linux',
      'i686-linux',
      'riscv64-linux',
      'powerpc64le-linux',
      's390x-linux',
    ];
    const systems = names.map((system) => ({ system, paths }));
    const { images } = await pushSystems({
      ...options,
      systems,
      to: [`oci:${directory}/many`],
      dryRun: true,
    });
    assert.deepEqual(
      images.map(({ platform }) => platform),
      ['linux/arm/v7', 'linux/arm/v6', 'linux/386', 'linux/riscv64', 'linux/ppc64le', 'linux/s390x'],
    );
  });

  for (const system of ['x86_64-darwin', 'amd64', 'toString-linux'])
    test(`that images are not made for are refused: ${system}`, async (t) => {
      const { directory, options } = scene(t);
      const systems = [{ system, paths: ['/x'] }];
      await assert.rejects(pushSystems({ ...options, systems, to: [`oci:${directory}/x`] }), {
        code: 'ERR_USAGE',
        message: `"${system}" is not a system that images are made for`,
      });
    });

  test('cannot go into an archive', async (t) => {
    const { options } = scene(t);
    await assert.rejects(pushSystems({ ...options, to: ['docker-archive:x'] }), {
      code: 'ERR_USAGE',
      message: 'docker-archive:x can hold one image, not an index',
    });
  });
});
