import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { MirrorState } from '../../src/cli/progress/mirror-state.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import type { MirrorEvent } from '../../src/verbs/mirror/mirror-events.ts';
import { storeAt } from '../support/fault-registry.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { putSmallImage } from '../support/small-image.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Scene {
  readonly source: FaultRegistry;
  readonly mirror: FaultRegistry;
  /** `nixpush mirror SRC --to DEST …` */
  readonly run: (...args: string[]) => Promise<Run>;
}

async function scene(t: TestContext, ...tags: string[]): Promise<Scene> {
  const [source, mirror] = [await startFaultRegistry(), await startFaultRegistry()];
  t.after(() => Promise.all([source.stop(), mirror.stop()]));
  const store = storeAt(t, source.host, {}, 'x/demo');
  for (const tag of tags) await putSmallImage(store, tag, tag);
  const env = { XDG_CACHE_HOME: temporaryDirectory(t) };
  return {
    source,
    mirror,
    run: (...args) =>
      nixpush(['mirror', `${source.host}/x/demo`, '--to', `${mirror.host}/m/demo`, ...args], { env }),
  };
}

describe('nixpush mirror', () => {
  test('prints what it copied, and nothing the next time', async (t) => {
    const { source, mirror, run } = await scene(t, '1', '2');
    const first = await run();
    assert.equal(first.status, 0, first.stderr);
    const digests = source.repository('x/demo').tags;
    assert.deepEqual(
      first.stdout.trim().split('\n').sort(),
      ['1', '2'].map((tag) => `${mirror.host}/m/demo:${tag}@${digests.get(tag)}`),
    );
    assert.match(first.stderr, /^copied {5}127\.0\.0\.1:\d+\/m\/demo:1 {2}2\.\d KiB sent$/m);
    assert.match(first.stderr, /^2 images: 2 copied \(\d\.\d KiB sent\), 0 unchanged, in /m);

    const second = await run();
    assert.equal(second.stdout, '');
    assert.match(second.stderr, /^2 images: 0 copied \(0 B sent\), 2 unchanged, in [^\n]*\n$/);
    assert.match((await run('--verbose')).stderr, /^unchanged {2}127\.0\.0\.1:\d+\/m\/demo:2$/m);
    assert.equal((await run('--quiet')).stderr, '');
  });

  test('takes the filters of the command line', async (t) => {
    const { mirror, run } = await scene(t, '1.0', '1.1', '1.2', '1.3-rc1', '2.0', 'latest');
    const { status, stderr } = await run('--semver=1.x', '--semver=~2', '--exclude=1.2', '--newest=2');
    assert.equal(status, 0, stderr);
    assert.deepEqual([...mirror.repository('m/demo').tags.keys()].sort(), ['1.1', '2.0']);
    await run('--tag', '1.?', '--regex', '[2-9]$');
    assert.deepEqual([...mirror.repository('m/demo').tags.keys()].sort(), ['1.1', '1.2', '2.0']);
  });

  test('shows the plan of a dry run as a table', async (t) => {
    const { mirror, run } = await scene(t, '1', '2', '3');
    await run();
    const { tags } = mirror.repository('m/demo');
    tags.set('9', tags.get('1')!);
    tags.delete('3');
    const { status, stdout } = await run('--dry-run', '--prune', '--prune-limit=50%');
    assert.equal(status, 0);
    const lines = stdout.replaceAll(`${mirror.host}/m/demo`, 'REPO').trimEnd().split('\n');
    assert.deepEqual(lines, [
      '        MOVES  REQUESTS  IMAGE',
      'copy      0 B         5  REPO:3',
      'remove                   REPO:9',
      '1 image to copy (0 B, about 5 requests), 2 unchanged, 1 tag to remove',
    ]);
  });

  test('ends with the code of the first failure, after all the rest is done', async (t) => {
    const { source, mirror, run } = await scene(t, '1', '2', '3');
    const { tags, manifests } = source.repository('x/demo');
    manifests.set(tags.get('2')!, { ...manifests.get(tags.get('2')!)!, bytes: Buffer.from('{}') });
    const { status, stdout, stderr } = await run();
    assert.equal(status, 5);
    assert.equal(stdout.trim().split('\n').length, 2);
    assert.deepEqual([...mirror.repository('m/demo').tags.keys()].sort(), ['1', '3']);
    assert.match(stderr, /^failed {5}127\.0\.0\.1:\d+\/m\/demo:2$/m);
    assert.match(stderr, /^3 images: 2 copied \(.*\), 0 unchanged, 1 failed, in /m);
    assert.match(stderr, /^nixpush: .*x\/demo/m);
  });

  test('prints one JSON document, and each error once', async (t) => {
    const { source, mirror, run } = await scene(t, '1', '2', '3');
    source.fault({ on: 'blob-get', times: 1000, effect: { kind: 'answer', status: 403 } });
    const { status, stdout, stderr } = await run('--json');
    assert.equal(status, 3);
    const { repositories, summary } = JSON.parse(stdout) as {
      repositories: { from: string; to: string; images: { outcome: string; error: { code: string } }[] }[];
      summary: object;
    };
    assert.deepEqual(summary, {
      images: 3,
      unchanged: 0,
      copied: 0,
      planned: 0,
      failed: 3,
      pruned: 0,
      bytes: 0,
    });
    assert.deepEqual(
      repositories[0]!.images.map(({ error }) => error.code),
      ['ERR_DENIED', 'ERR_DENIED', 'ERR_DENIED'],
    );
    assert.equal(repositories[0]!.to, `${mirror.host}/m/demo`);
    const errors = stderr.split('\n').filter((line) => line.startsWith('{'));
    assert.equal(errors.length, 1);
  });

  test('says once that a repository may not be read, however many tags it has', async (t) => {
    const { source, run } = await scene(t, '1', '2', '3');
    for (const on of ['manifest-head', 'manifest-get'] as const)
      source.fault({ on, times: 1000, effect: { kind: 'answer', status: 401 } });
    const { status, stderr } = await run();
    assert.equal(status, 3);
    assert.equal(stderr.split('\n').filter((line) => line.startsWith('nixpush: ')).length, 1, stderr);
  });

  test('reads a file, and its login', async (t) => {
    const { source, mirror } = await scene(t, '1');
    source.quirks = { auth: { kind: 'basic', username: 'me', password: 'hunter2' } };
    const file = join(temporaryDirectory(t), 'mirror.yaml');
    const images = `images: [{ from: ${source.host}/x/demo, to: ${mirror.host}/m/demo }]`;
    writeFileSync(
      file,
      `registries: { "${source.host}": { username: me, password: "\${TOKEN}" } }\n${images}\n`,
    );
    const run = await nixpush(['mirror', '--file', file], { env: { TOKEN: 'hunter2' } });
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual([...mirror.repository('m/demo').tags.keys()], ['1']);
    assert.doesNotMatch(run.stdout + run.stderr, /hunter2/);
    const wrong = await nixpush(['mirror', '--file', file], { env: { TOKEN: 'hunter3' } });
    assert.equal(wrong.status, 3);
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /hunter3/);
  });

  const mistakes: [args: string[], message: RegExp][] = [
    [[], /nothing to mirror/],
    [['a/b'], /no destination/],
    [['a/b', '--to', 'oci:x', '--semver', 'nope'], /--semver: "nope" is no range of versions/],
    [['a/b', '--to', 'oci:x', '--tag', '[z-a]'], /--tag: "\[z-a\]" has a range/],
    [['a/b', '--to', 'oci:x', '--shard', '2/2'], /--shard "2\/2" is not I\/N/],
    [['a/b', '--to', 'oci:x', '--prune', '--prune-limit', '10'], /--prune-limit "10" is not a share/],
    [['a/b', '--to', 'oci:x', '--prune-limit', '10%'], /--prune-limit wants --prune too/],
    [['--file', 'x', '--newest', '3'], /--file does not go with --newest/],
    [['a/b', '--file', 'x'], /--file does not go with SRC/],
  ];
  for (const [args, message] of mistakes) {
    test(`refuses ${args.join(' ') || 'to run without arguments'}`, async () => {
      const { status, stderr } = await nixpush(['mirror', ...args]);
      assert.equal(status, 2);
      assert.match(stderr, message);
    });
  }
});

describe('the live display of a mirror', () => {
  function linesAfter(events: readonly MirrorEvent[], width = 79): string[] {
    const state = new MirrorState(0);
    for (const event of events) state.apply(event, 0);
    return state.lines(width, 0);
  }
  const [a, b] = ['ghcr.io/me/a:1', 'ghcr.io/me/b:1'];
  const events: MirrorEvent[] = [
    { type: 'mirror-images', images: 4 },
    { type: 'mirror-copy', image: a, bytes: 2048 },
    { type: 'mirror-copy', image: b, bytes: 8192 },
    { type: 'mirror-bytes', image: a, bytes: 1024 },
    { type: 'mirror-image', image: 'ghcr.io/me/c:1', outcome: 'unchanged', bytes: 0 },
  ];

  test('has a line for each image that is copied, and one for all', () => {
    assert.deepEqual(linesAfter(events), [
      '  1.0 KiB / 2.0 KiB    ghcr.io/me/a:1',
      '      0 B / 8.0 KiB    ghcr.io/me/b:1',
      'images 1/4  0 copied, 1 unchanged  1.0 KiB / 10.0 KiB',
    ]);
  });

  test('no longer counts bytes that turned out to be there', () => {
    const done: MirrorEvent = { type: 'mirror-image', image: b, outcome: 'copied', bytes: 0 };
    assert.deepEqual(
      linesAfter([...events, done]).at(-1),
      'images 2/4  1 copied, 1 unchanged  1.0 KiB / 2.0 KiB',
    );
  });

  test('keeps to the width of the terminal', () => {
    for (const line of linesAfter(events, 30)) assert.ok(line.length <= 30);
  });
});
