import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test';
import { mirror, type MirrorEvent, type MirrorOptions, type MirrorResult } from '../../../src/index.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../../src/testing/index.ts';
import type { MirrorSpec } from '../../../src/verbs/mirror/mirror-options.ts';
import { isInShard } from '../../../src/verbs/mirror/shard.ts';
import { cosignTag, putArtifact } from '../../support/artifacts.ts';
import { putBaseImage, putIndex } from '../../support/base-images.ts';
import { storeAt } from '../../support/fault-registry.ts';
import { putSmallImage } from '../../support/small-image.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const cache = process.env['XDG_CACHE_HOME'];
let remembered = '';
beforeEach((t) => {
  remembered = temporaryDirectory(t as TestContext);
  process.env['XDG_CACHE_HOME'] = remembered;
});
afterEach(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});

interface Scene {
  readonly source: FaultRegistry;
  readonly mirror: FaultRegistry;
  /** Puts a small image under each tag of a repository of the source; it holds `text`, by default the tag. */
  readonly put: (repository: string, tags: readonly string[], text?: string) => Promise<void>;
  readonly run: (options?: MirrorOptions, tags?: MirrorSpec['tags']) => Promise<MirrorResult>;
}

/** Two registries; `run` mirrors `x/demo` of the one to `m/demo` of the other. */
async function scene(t: TestContext, quirks: RegistryQuirks = {}): Promise<Scene> {
  const [source, destination] = [await startFaultRegistry(quirks), await startFaultRegistry()];
  t.after(() => Promise.all([source.stop(), destination.stop()]));
  return {
    source,
    mirror: destination,
    async put(repository, tags, text) {
      const store = storeAt(t, source.host, {}, repository);
      for (const tag of tags) await putSmallImage(store, text ?? tag, tag);
      source.requests.length = 0;
    },
    run: (options, tags) =>
      mirror(
        [
          {
            from: `${source.host}/x/demo`,
            to: `${destination.host}/m/demo`,
            ...(tags !== undefined && { tags }),
          },
        ],
        options,
      ),
  };
}

function outcomes({ repositories }: MirrorResult): Record<string, string> {
  return Object.fromEntries(
    repositories.flatMap(({ images }) => images.map(({ tag, outcome }) => [tag, outcome] as const)),
  );
}

function tagsOf(registry: FaultRegistry, repository: string): Map<string, string> {
  return new Map(registry.repository(repository).tags);
}

/** Requests that are about images, by operation. */
function requestsOf(registry: FaultRegistry): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation } of registry.requests)
    if (operation !== 'ping') counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

describe('a mirror', () => {
  test('has the same tags and digests afterwards, and says so', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1.0', '1.1', 'latest']);
    const result = await run();
    assert.deepEqual(outcomes(result), { '1.0': 'copied', '1.1': 'copied', latest: 'copied' });
    assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
    const [{ from, to, images, pruned, error }] = result.repositories as [MirrorResult['repositories'][0]];
    assert.deepEqual(
      [from, to, pruned, error],
      [`${source.host}/x/demo`, `${there.host}/m/demo`, [], undefined],
    );
    for (const { tag, digest, bytes } of images) {
      assert.equal(digest, source.repository('x/demo').tags.get(tag));
      assert.ok(bytes > 0);
    }
  });

  test('has only what the filters choose', async (t) => {
    const { mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1.0', '1.1', '2.0', 'latest']);
    await run({}, { semver: '1.x', newest: 1 });
    assert.deepEqual([...there.repository('m/demo').tags.keys()], ['1.1']);
  });

  test('counts what images share once', async (t) => {
    const { source, put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3'], 'the same');
    let told = 0;
    const onProgress = (event: MirrorEvent): void => {
      if (event.type === 'mirror-copy') told += event.bytes;
    };
    await run({ onProgress });
    const blobs = [...source.repository('x/demo').blobs.values()];
    assert.equal(
      told,
      blobs.reduce((sum, { length }) => sum + length, 0),
    );
  });

  test('warns when no tag fits, as the filters may have a mistake', async (t) => {
    const { source, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    const events: MirrorEvent[] = [];
    await run({ onProgress: (event) => events.push(event) }, 'stable');
    assert.deepEqual(
      events.filter(({ type }) => type === 'warning'),
      [{ type: 'warning', message: `${source.host}/x/demo: none of 2 tags fits the filters` }],
    );
  });

  test('costs one HEAD for each tag when nothing has changed', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3', '4', '5']);
    await run();
    source.requests.length = there.requests.length = 0;
    const result = await run();
    assert.deepEqual(new Set(Object.values(outcomes(result))), new Set(['unchanged']));
    assert.deepEqual(requestsOf(source), { tags: 1, 'manifest-head': 5 });
    assert.deepEqual(requestsOf(there), { tags: 1 });
  });

  test('that is there already, though nobody remembers, costs one HEAD more and no bytes', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    await run();
    process.env['XDG_CACHE_HOME'] = temporaryDirectory(t);
    source.requests.length = there.requests.length = 0;
    assert.deepEqual(outcomes(await run()), { '1': 'unchanged', '2': 'unchanged' });
    assert.deepEqual(requestsOf(source), { tags: 1, 'manifest-head': 2 });
    assert.deepEqual(requestsOf(there), { tags: 1, 'manifest-head': 2 });
  });

  test('gets a tag that has moved, and one that is gone at the mirror, again', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3']);
    await run();
    await put('x/demo', ['2'], 'something new');
    there.repository('m/demo').tags.delete('3');
    assert.deepEqual(outcomes(await run()), { '1': 'unchanged', '2': 'copied', '3': 'copied' });
    assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
  });

  test('that somebody changed is seen only when asked to look', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    await run();
    const { tags } = there.repository('m/demo');
    tags.set('1', tags.get('2')!);
    assert.deepEqual(outcomes(await run()), { '1': 'unchanged', '2': 'unchanged' });
    assert.deepEqual(outcomes(await run({ recheck: true })), { '1': 'copied', '2': 'unchanged' });
    assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
  });

  test('never gets a blob twice, wherever it belongs', async (t) => {
    const { source, mirror: there } = await scene(t);
    const shared = { '/shared': 'in every image'.repeat(1000) };
    const repositories = ['a', 'b', 'c'];
    for (const name of repositories)
      for (const tag of ['1', '2', '3'])
        await putBaseImage(
          storeAt(t, source.host, {}, name),
          { layers: [shared, { [`/${name}`]: tag }] },
          tag,
        );
    source.requests.length = 0;
    const result = await mirror(
      repositories.map((name) => ({ from: `${source.host}/${name}`, to: `${there.host}/m/${name}` })),
    );
    assert.deepEqual(
      new Set(result.repositories.flatMap(({ images }) => images.map(({ outcome }) => outcome))),
      new Set(['copied']),
    );
    const read = source.requests
      .filter(({ operation }) => operation === 'blob-get')
      .map(({ path }) => path.split('/').at(-1));
    assert.equal(new Set(read).size, read.length);
    for (const name of repositories) assert.deepEqual(tagsOf(there, `m/${name}`), tagsOf(source, name));
  });

  test('knows in a later run which repository has a blob', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1']);
    await run();
    await put('x/other', ['1']);
    await mirror([{ from: `${source.host}/x/other`, to: `${there.host}/m/other` }]);
    assert.equal(requestsOf(source)['blob-get'], undefined);
    assert.equal(requestsOf(there)['upload-mount'], 2);
  });

  test('remembers nothing wrong when its journal is cut or full of rubbish', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    await run();
    const file = join(remembered, 'nixpush', 'mirrored');
    const lines = readFileSync(file, 'utf8');
    for (const text of [lines.slice(0, lines.length / 2), `rubbish\n${lines} x\nimage a b c\nblob\n`, '']) {
      writeFileSync(file, text);
      assert.deepEqual(outcomes(await run()), { '1': 'unchanged', '2': 'unchanged' });
    }
    assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
  });

  test('of some platforms only is not copied again either', async (t) => {
    const { source, mirror: there } = await scene(t);
    const store = storeAt(t, source.host, {}, 'x/demo');
    const images = [];
    for (const architecture of ['amd64', 'arm64', 's390x']) {
      const platform = { os: 'linux', architecture };
      const { descriptor } = await putBaseImage(store, { layers: [{ '/a': architecture }], platform });
      images.push({ ...descriptor, platform });
    }
    await putIndex(store, images, 'multi');
    const specs = [
      {
        from: `${source.host}/x/demo`,
        to: `${there.host}/m/demo`,
        platforms: ['linux/amd64', 'linux/arm64'],
      },
    ];
    assert.deepEqual(outcomes(await mirror(specs)), { multi: 'copied' });
    assert.deepEqual([...there.repository('m/demo').manifests.keys()].length, 3);
    source.requests.length = there.requests.length = 0;
    assert.deepEqual(outcomes(await mirror(specs)), { multi: 'unchanged' });
    assert.deepEqual([requestsOf(source), requestsOf(there)], [{ tags: 1, 'manifest-head': 1 }, { tags: 1 }]);
    // With other platforms it is another image.
    assert.deepEqual(outcomes(await mirror([{ ...specs[0]!, platforms: ['linux/s390x'] }])), {
      multi: 'copied',
    });
  });

  test('has signatures, and gets those that come later', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    const store = storeAt(t, source.host, {}, 'x/demo');
    const image = (await store.headManifest('1'))!;
    await putArtifact(store, { type: 'application/spdx+json', text: 'sbom', subject: image });
    await run();
    assert.equal((await storeAt(t, there.host, {}, 'm/demo').listReferrers(image.digest)).length, 1);

    for (const text of ['signature', 'signature and another']) {
      await putArtifact(
        store,
        { type: 'application/vnd.dev.cosign.simplesigning.v1+json', text },
        cosignTag(image, 'sig'),
      );
      assert.deepEqual(outcomes(await run()), { '1': 'copied', '2': 'unchanged' });
      assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
    }
    source.requests.length = 0;
    await run();
    assert.deepEqual(requestsOf(source), { tags: 1, 'manifest-head': 3 });
  });

  test('can be a layout', async (t) => {
    const { source, put } = await scene(t);
    await put('x/demo', ['1', '2']);
    const specs = [{ from: `${source.host}/x/demo`, to: `oci:${join(temporaryDirectory(t), 'layout')}` }];
    assert.deepEqual(outcomes(await mirror(specs, { dryRun: true })), { '1': 'planned', '2': 'planned' });
    assert.deepEqual(outcomes(await mirror(specs)), { '1': 'copied', '2': 'copied' });
    assert.deepEqual(outcomes(await mirror(specs)), { '1': 'unchanged', '2': 'unchanged' });
  });
});

describe('an image that fails', () => {
  test('does not stop the others', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3']);
    const { tags, manifests } = source.repository('x/demo');
    const broken = tags.get('2')!;
    manifests.set(broken, { ...manifests.get(broken)!, bytes: Buffer.from('{"schemaVersion":2}') });
    const result = await run();
    assert.deepEqual(outcomes(result), { '1': 'copied', '2': 'failed', '3': 'copied' });
    const { error } = result.repositories[0]!.images.find(({ tag }) => tag === '2')!;
    assert.deepEqual((error as NodeJS.ErrnoException).code, 'ERR_INTEGRITY');
    assert.deepEqual([...there.repository('m/demo').tags.keys()].sort(), ['1', '3']);
  });

  test('as a whole repository does not stop the other repositories', async (t) => {
    const { source, mirror: there, put } = await scene(t);
    await put('x/demo', ['1']);
    source.fault({ on: 'tags', effect: { kind: 'answer', status: 403 } });
    const result = await mirror(
      ['x/none', 'x/demo'].map((name) => ({ from: `${source.host}/${name}`, to: `${there.host}/${name}` })),
      { jobs: 1 },
    );
    assert.equal((result.repositories[0]!.error as NodeJS.ErrnoException).code, 'ERR_DENIED');
    assert.deepEqual(outcomes(result), { '1': 'copied' });
  });

  test('is one that two sources give the same name to', async (t) => {
    const { source, mirror: there, put } = await scene(t);
    await put('x/a', ['1', '2']);
    await put('x/b', ['2', '3']);
    const to = `${there.host}/m/demo`;
    const result = await mirror(
      ['x/a', 'x/b', 'x/b'].map((name) => ({ from: `${source.host}/${name}`, to })),
    );
    const failed = result.repositories.flatMap(({ images }) =>
      images.flatMap(({ error }) => error?.message ?? []),
    );
    assert.deepEqual(
      failed,
      Array.from(
        { length: 2 },
        () => `${to}:2 is to be a copy of ${source.host}/x/a and of ${source.host}/x/b as well`,
      ),
    );
    assert.deepEqual([...there.repository('m/demo').tags.keys()].sort(), ['1', '2', '3']);
  });

  test('for want of pulls that are left costs the registry no further requests', async (t) => {
    const { source, put, run } = await scene(t, { pulls: { limit: 2, windowSeconds: 21_600 } });
    await put('x/demo', ['1', '2', '3', '4', '5', '6']);
    const result = await run({ jobs: 1 });
    const failed = result.repositories[0]!.images.filter(({ outcome }) => outcome === 'failed');
    assert.equal(failed.length, 4);
    assert.equal(requestsOf(source)['manifest-get'], 2);
    assert.equal(failed[0]!.error!.message, `${source.host} answers no more pulls for now (2 in 6 h)`);
    // HEAD does not count: what is there already goes on to be seen as such.
    source.requests.length = 0;
    source.quirks = { pulls: { limit: 0, windowSeconds: 21_600 } };
    assert.equal(
      Object.values(outcomes(await run({ jobs: 1 }))).filter((outcome) => outcome === 'unchanged').length,
      2,
    );
  });

  test('ends the mirror if it was stopped', async (t) => {
    const { put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3']);
    const controller = new AbortController();
    const onProgress = ({ type }: MirrorEvent): void => {
      if (type === 'mirror-image') controller.abort();
    };
    await assert.rejects(run({ onProgress, signal: controller.signal, jobs: 1 }), { code: 'ERR_ABORTED' });
  });

  test('calls no image failed that was stopped', async (t) => {
    const { put, run } = await scene(t);
    await put('x/demo', ['1', '2', '3']);
    const controller = new AbortController();
    const told: string[] = [];
    const onProgress = (event: MirrorEvent): void => {
      if (event.type === 'mirror-copy') controller.abort();
      if (event.type === 'mirror-image') told.push(event.outcome);
    };
    await assert.rejects(run({ onProgress, signal: controller.signal, jobs: 1 }), { code: 'ERR_ABORTED' });
    assert.equal(told.includes('failed'), false);
  });
});

describe('a dry run', () => {
  test('says what would move, and moves nothing', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    await put('x/demo', ['1', '2']);
    const plan = await run({ dryRun: true });
    assert.deepEqual(outcomes(plan), { '1': 'planned', '2': 'planned' });
    assert.deepEqual(new Set(there.requests.map(({ method }) => method)), new Set(['GET', 'HEAD']));
    const bytes = [...source.repository('x/demo').blobs.values()].reduce(
      (sum, { length }) => sum + length,
      0,
    );
    const planned = plan.repositories[0]!.images.reduce((sum, image) => sum + image.bytes, 0);
    assert.equal(planned, bytes);

    source.requests.length = there.requests.length = 0;
    const done = await run();
    assert.equal(
      done.repositories[0]!.images.reduce((sum, image) => sum + image.bytes, 0),
      bytes,
    );
    const requests = plan.repositories[0]!.images.reduce((sum, image) => sum + image.requests!, 0);
    const made = source.requests.length + there.requests.length;
    assert.ok(Math.abs(requests - made) < 0.35 * made, `${requests} were foretold, ${made} made`);
  });

  test('into a layout counts requests to the source alone', async (t) => {
    const { source, put } = await scene(t);
    await put('x/demo', ['1']);
    const specs = [{ from: `${source.host}/x/demo`, to: `oci:${temporaryDirectory(t)}/new` }];
    const [planned] = (await mirror(specs, { dryRun: true })).repositories[0]!.images;
    // Of the manifest, its referrers, its config and its layer.
    assert.equal(planned!.requests, 4);
  });

  test('does not count what is there', async (t) => {
    const { put, run } = await scene(t);
    await put('x/demo', ['1']);
    await run();
    await put('x/demo', ['2'], '1');
    const [, second] = (await run({ dryRun: true })).repositories[0]!.images;
    assert.deepEqual([second!.outcome, second!.bytes], ['planned', 0]);
  });
});

describe('shards', () => {
  test('copy every image once between them', async (t) => {
    const { source, mirror: there, put, run } = await scene(t);
    const tags = Array.from({ length: 12 }, (_, at) => `1.${at}`);
    await put('x/demo', tags);
    const copied: string[] = [];
    for (const index of [0, 1, 2]) {
      const result = await run({ shard: { index, count: 3 } });
      const here = Object.keys(outcomes(result)).sort();
      assert.deepEqual(
        here,
        tags.filter((tag) => isInShard(`${there.host}/m/demo:${tag}`, { index, count: 3 })).sort(),
      );
      copied.push(...here);
    }
    assert.deepEqual(copied.sort(), tags.toSorted());
    assert.deepEqual(tagsOf(there, 'm/demo'), tagsOf(source, 'x/demo'));
  });
});

describe('pruning', () => {
  const ten = Array.from({ length: 10 }, (_, at) => `1.${at}`);

  async function mirrored(t: TestContext): Promise<Scene> {
    const stage = await scene(t);
    await stage.put('x/demo', [...ten, 'latest']);
    await stage.run();
    return stage;
  }

  test('removes what the source dropped, and its signature', async (t) => {
    const stage = await mirrored(t);
    const store = storeAt(t, stage.source.host, {}, 'x/demo');
    const image = (await store.headManifest('1.3'))!;
    await putArtifact(
      store,
      { type: 'application/vnd.dev.cosign.simplesigning.v1+json', text: 'signed' },
      cosignTag(image, 'sig'),
    );
    await stage.run();
    const { tags } = stage.source.repository('x/demo');
    tags.delete('1.3');
    tags.delete(cosignTag(image, 'sig'));
    const [{ pruned, error }] = (await stage.run({ prune: true })).repositories as [
      MirrorResult['repositories'][0],
    ];
    assert.deepEqual([pruned, error], [['1.3'], undefined]);
    assert.deepEqual(tagsOf(stage.mirror, 'm/demo'), tagsOf(stage.source, 'x/demo'));
  });

  test('leaves alone what the filters do not take', async (t) => {
    const stage = await mirrored(t);
    stage.source.repository('x/demo').tags.delete('1.3');
    stage.source.repository('x/demo').tags.delete('latest');
    const { repositories } = await stage.run({ prune: true }, { glob: '1.*', newest: 2 });
    assert.deepEqual(repositories[0]!.pruned, ['1.3']);
    assert.ok(stage.mirror.repository('m/demo').tags.has('latest'));
  });

  test('removes nothing when it were more than the limit', async (t) => {
    const stage = await mirrored(t);
    for (const tag of ['1.1', '1.2']) stage.source.repository('x/demo').tags.delete(tag);
    const before = tagsOf(stage.mirror, 'm/demo');
    const [{ pruned, error }] = (await stage.run({ prune: true })).repositories as [
      MirrorResult['repositories'][0],
    ];
    assert.deepEqual(pruned, []);
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_LIMIT');
    assert.match(error!.message, /nothing is pruned, as the source lacks 2 of 11 tags, more than 10%$/);
    assert.deepEqual(tagsOf(stage.mirror, 'm/demo'), before);
    assert.deepEqual((await stage.run({ prune: true, pruneLimit: 0.2 })).repositories[0]!.pruned, [
      '1.1',
      '1.2',
    ]);
  });

  test('does not happen in a dry run, nor when the source cannot be listed', async (t) => {
    const stage = await mirrored(t);
    stage.source.repository('x/demo').tags.delete('1.3');
    const before = tagsOf(stage.mirror, 'm/demo');
    assert.deepEqual((await stage.run({ prune: true, dryRun: true })).repositories[0]!.pruned, ['1.3']);
    stage.source.fault({ on: 'tags', effect: { kind: 'answer', status: 404 } });
    const [{ pruned, error }] = (await stage.run({ prune: true })).repositories as [
      MirrorResult['repositories'][0],
    ];
    assert.deepEqual([pruned, (error as NodeJS.ErrnoException).code], [[], 'ERR_NOT_FOUND']);
    assert.deepEqual(tagsOf(stage.mirror, 'm/demo'), before);
  });

  test('keeps what another source of the same repository has', async (t) => {
    const stage = await mirrored(t);
    await stage.put('x/more', ['extra']);
    const to = `${stage.mirror.host}/m/demo`;
    const specs = ['x/demo', 'x/more'].map((name) => ({ from: `${stage.source.host}/${name}`, to }));
    const options = { prune: true, pruneLimit: 1 };
    assert.deepEqual(
      (await mirror(specs, options)).repositories.flatMap(({ pruned }) => pruned),
      [],
    );
    // One that cannot be read might have any of them.
    stage.source.repository('x/demo').tags.delete('1.3');
    stage.source.fault({ on: 'tags', nth: 2, effect: { kind: 'answer', status: 404 } });
    assert.deepEqual(
      (await mirror(specs, options)).repositories.flatMap(({ pruned }) => pruned),
      [],
    );
  });

  test('by shards removes every dropped tag once', async (t) => {
    const stage = await mirrored(t);
    const dropped = ten.slice(0, 5);
    for (const tag of dropped) stage.source.repository('x/demo').tags.delete(tag);
    const pruned = [];
    for (const index of [0, 1, 2]) {
      const { repositories } = await stage.run({ prune: true, pruneLimit: 0.5, shard: { index, count: 3 } });
      pruned.push(...repositories[0]!.pruned);
    }
    assert.deepEqual(pruned.sort(), dropped);
    assert.deepEqual(tagsOf(stage.mirror, 'm/demo'), tagsOf(stage.source, 'x/demo'));
  });
});

describe('what is wrong with a mirror is said before anything is opened', () => {
  const wrong: [spec: MirrorSpec, options: MirrorOptions, message: RegExp][] = [
    [{ from: 'a.example/x:1', to: 'b.example/x' }, {}, /a\.example\/x:1: a mirror is of a whole repository/],
    [{ from: 'a.example/x', to: 'docker-archive:x' }, {}, /an archive holds one image/],
    [{ from: 'a.example/x', to: 'a.example/x' }, {}, /cannot be a mirror of itself/],
    [{ from: 'a.example/x', to: 'b.example/x', platforms: ['amd64'] }, {}, /amd64/],
    [{ from: 'a.example/x', to: 'b.example/x', tags: { semver: '?' } }, {}, /tags\.semver: "\?" is no range/],
    [{ from: 'a.example/x', to: 'b.example/x' }, { jobs: 0 }, /--jobs 0/],
    [{ from: 'a.example/x', to: 'b.example/x' }, { pruneLimit: 2 }, /prune limit of 2/],
  ];
  for (const [spec, options, message] of wrong) {
    test(String(message), async () => {
      await assert.rejects(mirror([spec], options), { code: 'ERR_USAGE', message });
    });
  }
});
