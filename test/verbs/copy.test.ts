import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Descriptor, Platform } from '../../src/image/descriptor.ts';
import type { EncodedManifest } from '../../src/image/manifest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/image/media-types.ts';
import { copy, inspect, push, type CopyOptions, type ProgressEvent } from '../../src/index.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { plainImage, rawTar, streamedMembers } from '../support/archives.ts';
import { putBaseImage, putIndex, type BaseImageSpec } from '../support/base-images.ts';
import { madeBytes } from '../support/made-source.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };
const armv7 = { os: 'linux', architecture: 'arm', variant: 'v7' };

const cache = process.env['XDG_CACHE_HOME'];
before(() => {
  // No test may profit from what another remembered.
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});

async function registry(t: Test): Promise<FaultRegistry> {
  const started = await startFaultRegistry();
  t.after(() => void started.stop());
  return started;
}

/** Copies, and lets `slow` answer such requests only when another destination has the image. */
async function copyPast(
  slow: FaultRegistry,
  on: 'manifest-head' | 'blob-head' | 'upload-start',
  [from, options]: [string, CopyOptions],
): Promise<string[]> {
  const done: string[] = [];
  let answer!: () => void;
  const until = new Promise<void>((resolve) => (answer = resolve));
  slow.fault({ on, times: Infinity, effect: { kind: 'hold', until } });
  const onProgress = (event: ProgressEvent): void => {
    if (event.type !== 'destination-done') return;
    done.push(event.destination);
    answer();
  };
  await copy(from, { ...options, onProgress });
  return done;
}

async function put(place: string, spec: BaseImageSpec, ...tags: string[]): Promise<EncodedManifest> {
  const store = await openImageStore(parseReference(place), { create: true });
  try {
    return await putBaseImage(store, spec, ...tags);
  } finally {
    await store.close();
  }
}

interface Multi {
  readonly root: EncodedManifest;
  readonly nested: EncodedManifest;
  readonly images: Readonly<Record<'amd64' | 'arm64' | 'armv7' | 'attestation', Descriptor>>;
}

/** Tags an index as `multi`: an image in Docker's types with its attestation, and an index of two more. */
async function putMulti(place: string): Promise<Multi> {
  const image = async (name: string, platform: Platform, docker = false): Promise<Descriptor> => {
    const layers = [{ shared: 'the same everywhere' }, { [name]: madeBytes(50_000, name.length) }];
    return { ...(await put(place, { layers, platform, docker })).descriptor, platform };
  };
  const images = {
    amd64: await image('amd64', amd64, true),
    arm64: await image('arm-64', arm64),
    armv7: await image('arm-v-7', armv7),
    attestation: await image('statement', { os: 'unknown', architecture: 'unknown' }),
  };
  images.attestation.annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': images.amd64.digest,
  };
  const store = await openImageStore(parseReference(place), { create: true });
  const nested = await putIndex(store, [images.arm64, images.armv7]);
  const root = await putIndex(store, [images.amd64, nested.descriptor, images.attestation], 'multi');
  await store.close();
  return { root, nested, images };
}

function layoutIndex(directory: string): { manifests: Descriptor[] } {
  return JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
}

function manifestAt(home: FaultRegistry, repository: string, digest: string): { manifests: Descriptor[] } {
  const { bytes } = home.repository(repository).manifests.get(digest)!;
  return JSON.parse(bytes.toString()) as { manifests: Descriptor[] };
}

suite('a copy of an index', () => {
  test('keeps every byte, from a registry into a registry and a layout, by way of another layout', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const directory = temporaryDirectory(t);
    const { root, nested, images } = await putMulti(`${home.host}/x/multi`);
    const to = [`${away.host}/y/copy`, `oci:${directory}/a`];
    const result = await copy(`${home.host}/x/multi:multi`, { to });
    assert.equal(result.manifest.digest, root.descriptor.digest);
    assert.deepEqual(
      result.destinations.map(({ reference, tags }) => ({ reference, tags })),
      [
        { reference: `${away.host}/y/copy@${root.descriptor.digest}`, tags: ['multi'] },
        { reference: `oci:${directory}/a@${root.descriptor.digest}`, tags: ['multi'] },
      ],
    );
    await copy(`oci:${directory}/a:multi`, { to: [`oci:${directory}/b`, `${away.host}/z/copy:1`] });
    const [from, there] = [home.repository('x/multi'), away.repository('z/copy')];
    assert.deepEqual([...there.blobs.keys()].sort(), [...from.blobs.keys()].sort());
    for (const digest of [root, nested].map(({ descriptor }) => descriptor.digest))
      assert.deepEqual(there.manifests.get(digest), from.manifests.get(digest));
    for (const { digest } of Object.values(images))
      assert.deepEqual(there.manifests.get(digest), from.manifests.get(digest));
    assert.equal(there.tags.get('1'), root.descriptor.digest);
  });

  test('leaves one entry in the index.json of a layout, not one for each of its images', async (t) => {
    const directory = temporaryDirectory(t);
    const { root } = await putMulti(`oci:${directory}/a`);
    await copy(`oci:${directory}/a:multi`, { to: [`oci:${directory}/b:new`] });
    const { manifests } = layoutIndex(join(directory, 'b'));
    assert.deepEqual(
      manifests.map(({ digest }) => digest),
      [root.descriptor.digest],
    );
  });

  test('moves no byte within a registry', async (t) => {
    const home = await registry(t);
    await putMulti(`${home.host}/x/multi`);
    home.requests.length = 0;
    const { destinations } = await copy(`${home.host}/x/multi:multi`, { to: [`${home.host}/y/copy`] });
    assert.equal(destinations[0]!.sentBytes, 0);
    const operations = home.requests.map(({ operation }) => operation);
    assert.equal(operations.includes('blob-get'), false);
    assert.equal(
      operations.filter((each) => each === 'upload-mount').length,
      home.repository('x/multi').blobs.size,
    );
  });

  test('reads each blob once for several destinations, and not at all for those that have it', async (t) => {
    const [home, away, third] = [await registry(t), await registry(t), await registry(t)];
    await putMulti(`${home.host}/x/multi`);
    const to = [`${away.host}/y/copy`, `${third.host}/y/copy`];
    home.requests.length = 0;
    await copy(`${home.host}/x/multi:multi`, { to });
    const read = home.requests.filter(({ operation }) => operation === 'blob-get').map(({ path }) => path);
    assert.deepEqual(read.toSorted(), [...new Set(read)].sort());
    assert.equal(read.length, home.repository('x/multi').blobs.size);
    home.requests.length = 0;
    away.repository('y/copy').manifests.clear();
    await copy(`${home.host}/x/multi:multi`, { to });
    assert.equal(
      home.requests.some(({ operation }) => operation === 'blob-get'),
      false,
    );
    assert.equal(away.repository('y/copy').manifests.size, 6);
  });

  test('that is there already costs one request of the destination, another tag of it no blob', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    await putMulti(`${home.host}/x/multi`);
    await copy(`${home.host}/x/multi:multi`, { to: [`${away.host}/y/copy:1`] });
    const dialogueOf = async (tag: string): Promise<string[]> => {
      away.requests.length = 0;
      await copy(`${home.host}/x/multi:multi`, { to: [`${away.host}/y/copy:${tag}`] });
      return away.dialogue();
    };
    assert.deepEqual(await dialogueOf('1'), ['HEAD 200']);
    const another = await dialogueOf('2');
    assert.equal(
      another.some((request) => request.startsWith('POST')),
      false,
    );
    assert.equal(away.repository('y/copy').tags.size, 2);
  });

  for (const on of ['manifest-head', 'blob-head', 'upload-start'] as const)
    test(`ends at one destination while another does not answer (${on}), and there when it does`, async (t) => {
      const [good, slow] = [await registry(t), await registry(t)];
      const source = `oci:${temporaryDirectory(t)}/image:multi`;
      await putMulti(source);
      const to = [`${slow.host}/x/copy:1`, `${good.host}/x/copy:1`];
      const done = await copyPast(slow, on, [source, { to, jobs: 2 }]);
      assert.deepEqual(done, [`${good.host}/x/copy`, `${slow.host}/x/copy`]);
      const held = [good, slow].map((each) => [...each.repository('x/copy').blobs.keys()].sort());
      assert.deepEqual(held[1], held[0]);
    });

  test('goes on without a destination that fails, and reports it', async (t) => {
    const [home, away, broken] = [await registry(t), await registry(t), await registry(t)];
    const { root } = await putMulti(`${home.host}/x/multi`);
    broken.fault({
      on: 'upload-start',
      times: 1000,
      effect: { kind: 'answer', status: 403, code: 'DENIED' },
    });
    const to = [`${broken.host}/y/copy:1`, `${away.host}/y/copy:1`];
    const { destinations } = await copy(`${home.host}/x/multi:multi`, { to });
    assert.equal((destinations[0]!.error as { code?: string }).code, 'ERR_DENIED');
    assert.deepEqual(destinations[0]!.tags, []);
    assert.equal(destinations[1]!.reference, `${away.host}/y/copy@${root.descriptor.digest}`);
    assert.equal(broken.repository('y/copy').tags.size, 0);
  });

  test('stops when it is told to, and moves no tag', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    await putMulti(`${home.host}/x/multi`);
    const controller = new AbortController();
    const onProgress = (event: ProgressEvent): void => {
      if (event.type === 'layer-done') controller.abort();
    };
    const options: CopyOptions = { to: [`${away.host}/y/copy:1`], signal: controller.signal, onProgress };
    await assert.rejects(copy(`${home.host}/x/multi:multi`, options), { code: 'ERR_ABORTED' });
    assert.equal(away.repository('y/copy').tags.size, 0);
    assert.equal(away.repository('y/copy').manifests.size, 0);
  });

  test('tells the plan, each blob and the end', async (t) => {
    const home = await registry(t);
    const { images } = await putMulti(`${home.host}/x/multi`);
    const events: ProgressEvent[] = [];
    const to = [`oci:${temporaryDirectory(t)}/a:1`];
    const source = `${home.host}/x/multi@${images.arm64.digest}`;
    await copy(source, { to, onProgress: (event) => events.push(event) });
    const plan = events.find((event) => event.type === 'copy-plan')!;
    assert.deepEqual(plan.blobs.map(({ what }) => what).sort(), ['config', 'layer 1', 'layer 2']);
    const sum = (of: (event: ProgressEvent) => number): number =>
      events.reduce((all, event) => all + of(event), 0);
    assert.equal(
      sum((event) => (event.type === 'layer-bytes' ? event.read : 0)),
      plan.blobs.reduce((all, { size }) => all + size, 0),
    );
    assert.equal(
      sum((event) => (event.type === 'layer-done' ? 1 : 0)),
      3,
    );
    assert.equal(events.at(-1)!.type, 'destination-done');
  });

  test('makes Node warn of nothing, however many blobs are on their way', async (t) => {
    const home = await registry(t);
    const layers = Array.from({ length: 14 }, (_, at) => ({ [`file${at}`]: madeBytes(200_000, at) }));
    await put(`${home.host}/x/many`, { layers }, '1');
    const warnings: string[] = [];
    const listen = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', listen);
    t.after(() => process.off('warning', listen));
    await copy(`${home.host}/x/many:1`, { to: [`oci:${temporaryDirectory(t)}/many:1`] });
    await setImmediate();
    assert.deepEqual(warnings, []);
  });
});

suite('a copy of some platforms', () => {
  test('is an index of those alone, with their attestations, and nothing else of it changed', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const { root, images } = await putMulti(`${home.host}/x/multi`);
    const to = [`${away.host}/y/copy:1`];
    const platforms = ['linux/amd64,linux/arm/v7'];
    const { manifest } = await copy(`${home.host}/x/multi:multi`, { to, platforms });
    assert.notEqual(manifest.digest, root.descriptor.digest);
    const index = manifestAt(away, 'y/copy', manifest.digest);
    assert.deepEqual(
      index.manifests.map(({ digest }) => digest).filter((digest) => digest !== index.manifests[1]!.digest),
      [images.amd64.digest, images.attestation.digest],
    );
    assert.deepEqual(index.manifests[0], images.amd64);
    const nested = manifestAt(away, 'y/copy', index.manifests[1]!.digest);
    assert.deepEqual(nested.manifests, [images.armv7]);
    assert.equal(away.repository('y/copy').manifests.has(images.arm64.digest), false);
  });

  test('is the index itself if they are all it has', async (t) => {
    const directory = temporaryDirectory(t);
    const { root } = await putMulti(`oci:${directory}/a`);
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
    const { manifest } = await copy(`oci:${directory}/a:multi`, { to: [`oci:${directory}/b`], platforms });
    assert.equal(manifest.digest, root.descriptor.digest);
  });

  test('is the image itself if it is one', async (t) => {
    const directory = temporaryDirectory(t);
    const { images } = await putMulti(`oci:${directory}/a`);
    for (const platform of ['linux/arm64', 'linux/arm64/v8']) {
      const to = [`oci:${directory}/b`];
      const { manifest } = await copy(`oci:${directory}/a:multi`, { to, platforms: [platform] });
      assert.equal(manifest.digest, images.arm64.digest);
    }
  });

  test('fails if one is missing, and says what there is', async (t) => {
    const directory = temporaryDirectory(t);
    const { images } = await putMulti(`oci:${directory}/a`);
    const to = [`oci:${directory}/b`];
    const platforms = ['linux/amd64', 'linux/s390x'];
    await assert.rejects(copy(`oci:${directory}/a:multi`, { to, platforms }), {
      code: 'ERR_NOT_FOUND',
      message: `oci:${directory}/a has no image for linux/s390x`,
      hint: 'It has linux/amd64, linux/arm64/v8, linux/arm/v7.',
    });
    await assert.rejects(
      copy(`oci:${directory}/a@${images.arm64.digest}`, { to, platforms: ['linux/amd64'] }),
      {
        code: 'ERR_NOT_FOUND',
        hint: 'It has linux/arm64/v8.',
      },
    );
  });
});

suite('names of a copy', () => {
  test('are those of the source unless the destination has its own', async (t) => {
    const home = await registry(t);
    const directory = temporaryDirectory(t);
    const { descriptor } = await put(`${home.host}/x/one`, { layers: [{ a: 'a' }] }, '1.0');
    const tagsFor = async (source: string, ...to: string[]): Promise<readonly string[][]> =>
      (await copy(source, { to })).destinations.map(({ tags }) => [...tags]);
    const to = [`oci:${directory}/a`, `oci:${directory}/b:own`, `docker-archive:${directory}/c.tar`];
    assert.deepEqual(await tagsFor(`${home.host}/x/one:1.0`, ...to), [
      ['1.0'],
      ['own'],
      [`${home.host}/x/one:1.0`],
    ]);
    assert.deepEqual(await tagsFor(`${home.host}/x/one@${descriptor.digest}`, `oci:${directory}/d`), [[]]);
    assert.deepEqual(await tagsFor(`docker-archive:${directory}/c.tar`, `oci:${directory}/e`), [['latest']]);
  });

  const wrong: [string, string, Partial<CopyOptions>, RegExp][] = [
    ['no destination', 'oci:x', { to: [] }, /no destination/],
    [
      'a digest to be copied to',
      'oci:x',
      { to: [`oci:y@sha256:${'a'.repeat(64)}`] },
      /cannot choose its digest/,
    ],
    [
      'a place in a new archive',
      'oci:x',
      { to: ['docker-archive:x.tar:@0'] },
      /a new archive has no image @0/,
    ],
    ['a platform of Nix', 'oci:x', { to: ['oci:y'], platforms: ['x86_64-linux'] }, /is not a platform/],
    ['a compression nobody knows', 'oci:x', { to: ['oci:y'], compression: 'xz' }, /--compression xz/],
    ['no jobs', 'oci:x', { to: ['oci:y'], jobs: 0 }, /--jobs 0/],
  ];
  for (const [what, source, options, message] of wrong)
    test(`refuses ${what}`, async () => {
      await assert.rejects(copy(source, { to: [], ...options }), { code: 'ERR_USAGE', message });
    });
});

suite('an archive', () => {
  const image = plainImage('one', 'two');

  function archive(t: Test, pack: (bytes: Buffer) => Buffer = (bytes) => bytes): string {
    const file = join(temporaryDirectory(t), 'image.tar');
    writeFileSync(file, pack(rawTar(streamedMembers(image, ['hello:1.0']))));
    return file;
  }

  test('is compressed on its way into a registry, and holds the same layers there', async (t) => {
    const away = await registry(t);
    await copy(`docker-archive:${archive(t, gzipSync)}`, { to: [`${away.host}/y/hello:1`] });
    const { layers, config } = JSON.parse(
      [...away.repository('y/hello').manifests.values()][0]!.bytes.toString(),
    ) as { layers: Descriptor[]; config: Descriptor };
    const { blobs } = away.repository('y/hello');
    assert.deepEqual(
      layers.map(({ digest }) => gunzipSync(blobs.get(digest)!)),
      image.layers,
    );
    assert.deepEqual(blobs.get(config.digest), image.config);
  });

  test('is compressed once: what its layers came to is remembered', async (t) => {
    const away = await registry(t);
    process.env['XDG_CACHE_HOME'] = temporaryDirectory(t);
    t.after(() => (process.env['XDG_CACHE_HOME'] = '/dev/null'));
    const file = archive(t);
    const to = [`${away.host}/y/hello:1`];
    const first = await copy(`docker-archive:${file}`, { to });
    away.requests.length = 0;
    const second = await copy(`docker-archive:${file}`, { to });
    assert.deepEqual(second.manifest, first.manifest);
    assert.deepEqual(away.dialogue(), ['HEAD 200']);
  });

  test('that was compressed but did not arrive is not compressed again', async (t) => {
    const away = await registry(t);
    process.env['XDG_CACHE_HOME'] = temporaryDirectory(t);
    t.after(() => (process.env['XDG_CACHE_HOME'] = '/dev/null'));
    const to = [`${away.host}/y/hello:1`];
    const file = archive(t);
    away.fault({ on: 'upload-put', effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    await assert.rejects(copy(`docker-archive:${file}`, { to, jobs: 1 }), { code: 'ERR_DENIED' });
    away.clearFaults();
    away.requests.length = 0;
    await copy(`docker-archive:${file}`, { to });
    // Only what is known beforehand is looked for: the config, and the layer that was refused.
    assert.equal(away.requests.filter(({ operation }) => operation === 'blob-head').length, 2);
  });

  test('has the layers of a push that made it, whichever way they go', async (t) => {
    const directory = temporaryDirectory(t);
    const store = new StoreBuilder(directory);
    // Three blocks and a bit, so that blocks refer to each other.
    const big = store.add('big-1.0', { data: madeBytes(3_200_000), text: 'words '.repeat(100_000) });
    writeFileSync(join(directory, 'closure.json'), JSON.stringify([{ ...big, references: [] }]));
    const options = { paths: [big.path], store: directory, closure: join(directory, 'closure.json') };
    const layersAt = async (place: string): Promise<string[]> => {
      const found = await inspect(place);
      return found.kind === 'image' ? found.layers.map(({ descriptor }) => descriptor.digest) : [];
    };
    for (const compression of ['gzip', 'zstd']) {
      const tar = `docker-archive:${directory}/${compression}.tar`;
      await push({ ...options, to: [tar] });
      await push({ ...options, to: [`oci:${directory}/${compression}:pushed`], compression });
      await copy(tar, { to: [`oci:${directory}/${compression}:copied`], compression });
      const [pushed, copied] = ['pushed', 'copied'].map((tag) => `oci:${directory}/${compression}:${tag}`);
      assert.deepEqual(await layersAt(copied!), await layersAt(pushed!));
    }
  });

  test('keeps its digest where nothing is compressed, also to and fro', async (t) => {
    const directory = temporaryDirectory(t);
    const there = await copy(`docker-archive:${archive(t)}`, {
      to: [`oci:${directory}/a`],
      compression: 'none',
    });
    const back = await copy(`oci:${directory}/a`, { to: [`docker-archive:${directory}/b.tar:x:1`] });
    const again = await copy(`docker-archive:${directory}/b.tar`, {
      to: [`docker-archive:${directory}/c.tar:x:1`],
    });
    assert.deepEqual([back.manifest, again.manifest], [there.manifest, there.manifest]);
    assert.deepEqual(readFileSync(`${directory}/c.tar`), readFileSync(`${directory}/b.tar`));
  });

  test('is not there before it is whole', async (t) => {
    const home = await registry(t);
    const directory = temporaryDirectory(t);
    const { descriptor } = await put(`${home.host}/x/one`, { layers: [{ a: madeBytes(300_000) }] }, '1');
    const [layer] = (
      JSON.parse(home.repository('x/one').manifests.get(descriptor.digest)!.bytes.toString()) as {
        layers: Descriptor[];
      }
    ).layers;
    const bytes = home.repository('x/one').blobs.get(layer!.digest)!;
    home.repository('x/one').blobs.set(layer!.digest, Buffer.alloc(bytes.length));
    writeFileSync(`${directory}/a.tar`, 'the old one');
    const to = [`docker-archive:${directory}/a.tar`];
    await assert.rejects(copy(`${home.host}/x/one:1`, { to }), { code: 'ERR_INTEGRITY' });
    assert.equal(readFileSync(`${directory}/a.tar`, 'utf8'), 'the old one');
    assert.deepEqual(readdirSync(directory), ['a.tar']);
  });

  test('takes one image of an index: the one asked for', async (t) => {
    const directory = temporaryDirectory(t);
    const { images } = await putMulti(`oci:${directory}/a`);
    const to = [`docker-archive:${directory}/b.tar`];
    const { manifest } = await copy(`oci:${directory}/a:multi`, { to, platforms: ['linux/arm64'] });
    assert.equal(manifest.digest, images.arm64.digest);
    for (const options of [
      { platforms: ['linux/arm64', 'linux/amd64'] },
      { to: [...to, `oci:${directory}/c`] },
    ])
      await assert.rejects(copy(`oci:${directory}/a:multi`, { to, ...options }), {
        code: 'ERR_USAGE',
        message: /can hold one image, not an index/,
      });
  });

  test('of a push beside a registry has the very same image', async (t) => {
    const [away, directory] = [await registry(t), temporaryDirectory(t)];
    const store = new StoreBuilder(directory);
    const tool = store.add('tool-1.0', { bin: { tool: { program: '#!/bin/sh\n' } } });
    writeFileSync(join(directory, 'closure.json'), JSON.stringify([{ ...tool, references: [] }]));
    const to = [`docker-archive:${directory}/a.tar:tool:1`, `${away.host}/y/tool:1`];
    const pushed = await push({
      paths: [tool.path],
      store: directory,
      closure: join(directory, 'closure.json'),
      to,
    });
    const found = await inspect(`docker-archive:${directory}/a.tar:tool:1`);
    assert.equal(found.manifest.digest, pushed.manifest?.digest);
    assert.equal(away.repository('y/tool').tags.get('1'), pushed.manifest?.digest);
  });
});

suite('a manifest that refers to itself', () => {
  test('is refused, however deep it goes', async (t) => {
    const home = await registry(t);
    let inner: Descriptor = (await put(`${home.host}/x/deep`, { layers: [{ a: 'a' }] })).descriptor;
    const store = await openImageStore(parseReference(`${home.host}/x/deep`), {});
    for (let level = 0; level < 12; level++) inner = (await putIndex(store, [inner], 'deep')).descriptor;
    await store.close();
    assert.equal(inner.mediaType, OCI_INDEX);
    const away = await registry(t);
    await assert.rejects(copy(`${home.host}/x/deep:deep`, { to: [`${away.host}/y/deep`] }), {
      code: 'ERR_FORMAT',
      message: /nested more than 8 levels/,
    });
    assert.equal(away.repository('y/deep').manifests.size, 0);
  });

  test('is refused where an index calls an image something else', async (t) => {
    const home = await registry(t);
    const { descriptor } = await put(`${home.host}/x/odd`, { layers: [{ a: 'a' }] });
    assert.equal(descriptor.mediaType, OCI_MANIFEST);
    const store = await openImageStore(parseReference(`${home.host}/x/odd`), {});
    await putIndex(store, [{ ...descriptor, mediaType: OCI_INDEX }], 'odd');
    await store.close();
    const away = await registry(t);
    await assert.rejects(copy(`${home.host}/x/odd:odd`, { to: [`${away.host}/y/odd`] }), {
      code: 'ERR_FORMAT',
    });
    assert.equal(away.repository('y/odd').tags.size, 0);
  });
});
