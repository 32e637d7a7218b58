import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import { ClosureOnDisk } from '../support/closure-on-disk.ts';
import type { Run } from '../support/nixpush.ts';
import { needsRoot } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 2 ** 20;

describe('a push to a registry that fails', () => {
  test('half-way, for good, ends with 6 and moves no tag', async (t) => {
    const registry = await startRegistry(t);
    const store = new ClosureOnDisk(t);
    store.addNoise('small', 1000);
    const before = await store.push(`${registry.host}/app:1`);
    assert.equal(before.status, 0, before.stderr);
    const tags = new Map(registry.repository('app').tags);
    assert.deepEqual([...tags.keys()], ['1']);

    store.addNoise('large', 6 * MIB);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: MIB } });
    registry.fault({ nth: 4, times: Infinity, effect: { kind: 'reset', afterBytes: 0 } });
    const run = await store.push(`${registry.host}/app:1`, '--max-wait', '1');
    assertFailed(run, 6, registry.host);
    assert.deepEqual(registry.repository('app').tags, tags);
  });

  test('because the token is refused, ends with 3 and keeps the password to itself', async (t) => {
    const auth = { kind: 'bearer', username: 'me', password: 'right' } as const;
    const registry = await startRegistry(t, { auth });
    const store = new ClosureOnDisk(t);
    store.addNoise('small', 1000);
    const home = temporaryDirectory(t);
    const wrong = Buffer.from('me:not-the-password').toString('base64');
    writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth: wrong } } }));

    const run = await store.run([`--to=${registry.host}/app:1`], { DOCKER_CONFIG: home });
    assertFailed(run, 3, registry.host);
    assert.ok(!run.stderr.includes('not-the-password') && !run.stderr.includes(wrong));
    assert.equal(registry.repository('app').tags.size, 0);
  });

  test('because it gets a malformed tag, ends with 2 before anything is asked', async (t) => {
    const registry = await startRegistry(t);
    const store = new ClosureOnDisk(t);
    store.addNoise('small', 1000);
    const run = await store.push(`${registry.host}/app:not~a~tag`);
    assertFailed(run, 2, 'not~a~tag');
    assert.deepEqual(registry.dialogue(), []);
  });

  test('because of Ctrl-C, ends with 130, cancels its upload and moves no tag', async (t) => {
    const registry = await startRegistry(t);
    const store = new ClosureOnDisk(t);
    store.addNoise('large', 6 * MIB);
    registry.fault({ on: 'upload-patch', effect: { kind: 'stall', afterBytes: MIB } });
    const { child, finished } = store.start([`--to=${registry.host}/app:1`]);
    await until(() => registry.requests.some(({ operation }) => operation === 'upload-patch'), finished);
    child.kill('SIGINT');

    assertFailed(await finished, 130, 'stopped');
    assert.ok(registry.dialogue().includes('DELETE 204'), registry.dialogue().join(', '));
    assert.equal(registry.repository('app').tags.size, 0);
  });
});

describe('a push of a closure that is damaged', () => {
  test('by a missing store path, ends with 4 before anything is asked', async (t) => {
    const registry = await startRegistry(t);
    const store = new ClosureOnDisk(t);
    const path = store.addNoise('gone', 1000);
    store.addNoise('there', 1000);
    rmSync(store.physical(path));

    assertFailed(await store.push(`${registry.host}/app:1`), 4, path);
    assert.deepEqual(registry.dialogue(), []);
  });

  test('by a file that is missing in a store path, ends with 5 and moves no tag', async (t) => {
    const layout = join(temporaryDirectory(t), 'layout');
    const store = new ClosureOnDisk(t);
    const path = store.addTree('holed', { one: 'first', two: 'second' });
    rmSync(join(store.physical(path), 'one'));

    assertFailed(await store.push(`oci:${layout}:1`), 5, path);
    assert.deepEqual(namesIn(layout), []);
  });
});

describe('a push into a layout', () => {
  test('on a disk that is full, ends with 1 and leaves what was there', needsRoot('mount'), async (t) => {
    const layout = join(smallDisk(t), 'layout');
    const store = new ClosureOnDisk(t);
    store.addNoise('small', 1000);
    const before = await store.push(`oci:${layout}:1`);
    assert.equal(before.status, 0, before.stderr);
    const index = readFileSync(join(layout, 'index.json'), 'utf8');

    store.addNoise('large', 6 * MIB);
    const run = await store.push(`oci:${layout}:1`);
    assertFailed(run, 1, 'no space left');
    assert.equal(readFileSync(join(layout, 'index.json'), 'utf8'), index);
    assert.deepEqual(ownFilesIn(layout), []);
  });

  test('that is stopped by Ctrl-C, ends with 130 and leaves no partial file', async (t) => {
    const layout = join(temporaryDirectory(t), 'layout');
    const store = new ClosureOnDisk(t);
    store.addZeros('endless', 64 * 1024 * MIB);
    const { child, finished } = store.start([`--to=oci:${layout}:1`]);
    await until(() => ownFilesIn(layout).length > 0, finished);
    child.kill('SIGINT');

    assertFailed(await finished, 130, 'stopped');
    assert.deepEqual(ownFilesIn(layout), []);
    assert.deepEqual(namesIn(join(layout, 'blobs', 'sha256')), []);
    assert.deepEqual(tagsOf(layout), []);
  });
});

async function startRegistry(t: TestContext, quirks?: RegistryQuirks): Promise<FaultRegistry> {
  const registry = await startFaultRegistry(quirks);
  t.after(() => registry.stop());
  return registry;
}

/** The exit code, nothing on stdout, and one error line that holds `words`, perhaps with a hint below. */
function assertFailed(run: Run, status: number, words: string): void {
  assert.equal(run.status, status, run.stderr);
  assert.equal(run.stdout, '');
  const lines = run.stderr.trimEnd().split('\n');
  const errors = lines.filter((line) => line.startsWith('nixpush: '));
  assert.equal(errors.length, 1, run.stderr);
  assert.ok(errors[0]!.includes(words), run.stderr);
  assert.ok(!/^\s+at /m.test(run.stderr), run.stderr);
}

/** A directory on a file system of its own, of one MiB. */
function smallDisk(t: TestContext): string {
  const disk = mkdtempSync(join(tmpdir(), 'nixpush-disk-'));
  t.after(() => {
    execFileSync('umount', [disk]);
    rmdirSync(disk);
  });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  return disk;
}

/** All names below a directory that begin as nixpush's own files do. */
function ownFilesIn(directory: string): string[] {
  return namesIn(directory).filter((name) => /(^|\/)\.nixpush-.*\.tmp$/.test(name));
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
}

function tagsOf(layout: string): string[] {
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: { annotations?: Record<string, string> }[];
  };
  return manifests.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] ?? '');
}

/** Looks again and again, until the process that could make it true has ended. */
async function until(condition: () => boolean, finished: Promise<Run>): Promise<void> {
  let ended: Run | undefined;
  void finished.then((run) => (ended = run));
  while (!condition()) {
    assert.equal(ended, undefined);
    await setTimeout(5);
  }
}
