import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { bytesSource } from '../../../src/stores/bytes-source.ts';
import { RegistryClient } from '../../../src/stores/registry/client.ts';
import { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import { parseDuration } from '../../../src/cli/duration.ts';
import { startFaultRegistry, type FaultEffect, type FaultRegistry } from '../../../src/testing/index.ts';
import { FastClock, REPOSITORY, SMALL_UPLOADS } from '../../support/fault-registry.ts';
import { putSmallImage } from '../../support/small-image.ts';

const BUSY: FaultEffect = { kind: 'answer', status: 429, headers: { 'retry-after': '20' } };

interface Scene {
  readonly registry: FaultRegistry;
  readonly store: RegistryStore;
  readonly clock: FastClock;
  /** Why it was waited and for how long, milliseconds. */
  readonly waits: [string, number][];
}

async function scene(t: TestContext, maxWaitMs: number): Promise<Scene> {
  const registry = await startFaultRegistry();
  t.after(() => registry.stop());
  const clock = new FastClock();
  const waits: [string, number][] = [];
  const onWait = (reason: string, milliseconds: number): void => void waits.push([reason, milliseconds]);
  const client = new RegistryClient({ host: registry.host, clock, maxWaitMs, onWait });
  const store = new RegistryStore({ client, repository: REPOSITORY, uploads: { ...SMALL_UPLOADS, clock } });
  t.after(() => store.close());
  return { registry, store, clock, waits };
}

describe('a registry that answers 429', () => {
  test('for a minute is waited for, and each wait is told', async (t) => {
    const { registry, store, waits } = await scene(t, 300_000);
    registry.fault({ on: 'manifest-put', times: 3, effect: BUSY });
    await putSmallImage(store, 'hello', 'latest');
    assert.equal(registry.repository(REPOSITORY).tags.size, 1);
    const reason = `${registry.host} limits the rate of requests (429)`;
    assert.deepEqual(waits, [
      [reason, 20_000],
      [reason, 20_000],
      [reason, 20_000],
    ]);
  });

  test('for longer than --max-wait is given up within it, and no tag moves', async (t) => {
    const { registry, store, clock } = await scene(t, 50_000);
    registry.fault({ on: 'manifest-put', times: 100, effect: BUSY });
    await assert.rejects(putSmallImage(store, 'hello', 'latest'), {
      code: 'ERR_REGISTRY',
      status: 429,
      hint: /--max-wait/,
    });
    assert.ok(clock.sleeps.reduce((sum, slept) => sum + slept, 0) <= 50_000);
    assert.equal(registry.repository(REPOSITORY).tags.size, 0);
  });

  test('with an hour to wait, which nobody has, keeps no other request waiting', async (t) => {
    const { registry, store, clock } = await scene(t, 300_000);
    const headers = { 'retry-after': '3600' };
    registry.fault({ on: 'tags', effect: { kind: 'answer', status: 429, headers } });
    await assert.rejects(store.listTags(), { status: 429 });
    await putSmallImage(store, 'hello', 'latest');
    assert.deepEqual(clock.sleeps, []);
  });

  test('is not waited for at all with --max-wait 0', async (t) => {
    const { registry, store, clock } = await scene(t, 0);
    registry.fault({ on: 'blob-head', times: 100, effect: BUSY });
    registry.fault({ on: 'upload-start', times: 100, effect: BUSY });
    await assert.rejects(store.putBlob(bytesSource('a blob', Buffer.from('x'))), { status: 429 });
    assert.deepEqual(clock.sleeps, []);
  });
});

describe('a duration', () => {
  const table: [string, number][] = [
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['45', 45_000],
    ['0', 0],
  ];
  for (const [text, milliseconds] of table) {
    test(`${text} is ${milliseconds} ms`, () =>
      assert.equal(parseDuration(text, '--max-wait'), milliseconds));
  }

  for (const text of ['', 'soon', '-5s', '5 m', '5d', '1.5m', 's', '5m30']) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseDuration(text, '--max-wait'), { code: 'ERR_USAGE' });
    });
  }
});
