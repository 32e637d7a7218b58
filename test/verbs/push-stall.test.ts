import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { push, type ProgressEvent, type PushOptions, type PushResult } from '../../src/index.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

const LAYERS = 12;

/** Options that push twelve layers: some larger than what is kept for a destination that lags, some made in memory. */
function twelveLayers(t: Test): Omit<PushOptions, 'to'> {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const files = Array.from({ length: LAYERS }, (_, n) =>
    store.add(`library-${n}`, { data: new Uint8Array(n < 3 ? 10_000_000 : 100_000).fill(n) }),
  );
  const closure = join(directory, 'closure.json');
  writeFileSync(closure, JSON.stringify(files.map((file) => ({ ...file, references: [] }))));
  const paths = files.map(({ path }) => path);
  return { paths, store: directory, closure, noLinks: true, compression: 'none' };
}

async function registries(t: Test): Promise<{ good: FaultRegistry; slow: FaultRegistry }> {
  const [good, slow] = await Promise.all([startFaultRegistry(), startFaultRegistry()]);
  t.after(() => void Promise.all([good.stop(), slow.stop()]));
  return { good, slow };
}

function signal(): { given: Promise<void>; give: () => void } {
  let give!: () => void;
  const given = new Promise<void>((resolve) => (give = resolve));
  return { given, give };
}

/** Pushes, and calls `onFirst` when the first destination has the image. */
async function pushed(
  options: PushOptions,
  onFirst: () => void,
): Promise<{ result: PushResult; done: string[]; events: ProgressEvent[] }> {
  const done: string[] = [];
  const events: ProgressEvent[] = [];
  const onProgress = (event: ProgressEvent): void => {
    events.push(event);
    if (event.type !== 'destination-done') return;
    done.push(event.destination);
    onFirst();
  };
  return { result: await push({ ...options, onProgress }), done, events };
}

function held(registry: FaultRegistry, repository = 'x/app'): string[] {
  return [...registry.repository(repository).blobs.keys()].sort();
}

suite('a push to two registries, of which one does not answer when it is asked', () => {
  const home = process.env['XDG_CACHE_HOME'];
  const cache = mkdtempSync(join(tmpdir(), 'nixpush-test-'));
  before(() => {
    process.env['XDG_CACHE_HOME'] = cache;
  });
  after(() => {
    process.env['XDG_CACHE_HOME'] = home;
    rmSync(cache, { recursive: true });
  });

  for (const operation of ['manifest-head', 'blob-head'] as const) {
    // All recipes are known, so everything is looked for, and nothing need be made for what both have.
    for (const has of ['nothing', 'all layers'] as const) {
      test(`${operation}: the other, which has ${has}, gets the image; then the first does`, async (t) => {
        const { good, slow } = await registries(t);
        const layers = twelveLayers(t);
        await push({ ...layers, to: [`${has === 'nothing' ? slow.host : good.host}/x/app:old`] });
        const answers = signal();
        slow.fault({ on: operation, times: Infinity, effect: { kind: 'hold', until: answers.given } });
        const to = [`${slow.host}/x/new:v1`, `${good.host}/x/app:v1`];
        const { result, done } = await pushed({ ...layers, to }, answers.give);
        assert.deepEqual(done, [`${good.host}/x/app`, `${slow.host}/x/new`]);
        assert.ok(result.destinations.every(({ error }) => error === undefined));
        assert.equal(held(good).length, LAYERS + 1);
        assert.deepEqual(held(slow, 'x/new'), held(good));
      });
    }
  }

  test('manifest-head, in the same push again: the other, which has lost the image, gets it again', async (t) => {
    const { good, slow } = await registries(t);
    const options = { ...twelveLayers(t), to: [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`] };
    await push(options);
    const repository = good.repository('x/app');
    for (const part of [repository.blobs, repository.manifests, repository.tags]) part.clear();
    const answers = signal();
    slow.fault({ on: 'manifest-head', times: Infinity, effect: { kind: 'hold', until: answers.given } });
    const { done } = await pushed(options, answers.give);
    assert.deepEqual(done, [`${good.host}/x/app`, `${slow.host}/x/app`]);
    assert.deepEqual(held(good), held(slow));
  });

  test('manifest-head, in the same push again: the other, which has the image, is done; then the first is', async (t) => {
    const { good, slow } = await registries(t);
    const options = { ...twelveLayers(t), to: [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`] };
    await push(options);
    const answers = signal();
    slow.fault({ on: 'manifest-head', times: Infinity, effect: { kind: 'hold', until: answers.given } });
    const before = good.requests.length;
    const { done } = await pushed(options, answers.give);
    assert.deepEqual(done, [`${good.host}/x/app`, `${slow.host}/x/app`]);
    assert.equal(good.requests.length - before, 1);
  });

  test('in the same push again, one that is away is waited for once', async (t) => {
    const { good, slow } = await registries(t);
    const options = { ...twelveLayers(t), to: [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`] };
    await push(options);
    const { host } = slow;
    await slow.stop();
    const { events, done } = await pushed(options, () => undefined);
    assert.deepEqual(done, [`${good.host}/x/app`]);
    const told = events.flatMap((event) => ('destination' in event ? [[event.type, event.destination]] : []));
    assert.deepEqual(
      told.filter(([, destination]) => destination!.startsWith(host)),
      // A host that has not answered yet is tried three times.
      [
        ['wait', host],
        ['wait', host],
        ['destination-failed', `${host}/x/app`],
      ],
    );
  });

  test('in the same push again, nobody waits for it who stops the push', { timeout: 30_000 }, async (t) => {
    const { slow } = await registries(t);
    const options = { ...twelveLayers(t), to: [`${slow.host}/x/app:v1`] };
    await push(options);
    slow.fault({ on: 'manifest-head', times: Infinity, effect: { kind: 'stall', afterBytes: 0 } });
    const stopped = push({ ...options, signal: AbortSignal.timeout(500) });
    await assert.rejects(stopped, { code: 'ERR_ABORTED' });
  });

  test('anything, with --reuse auto: the other reuses its layers and is done; then the first is', async (t) => {
    const { good, slow } = await registries(t);
    const layers = twelveLayers(t);
    const to = [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`];
    const { manifest } = await push({ ...layers, to });
    const answers = signal();
    const holds = { kind: 'hold', until: answers.given } as const;
    for (const on of ['manifest-get', 'manifest-head'] as const)
      slow.fault({ on, times: Infinity, effect: holds });
    const options = { ...layers, to, reuse: ['auto'], noCache: true };
    const { result, done, events } = await pushed(options, answers.give);
    assert.deepEqual(done, [`${good.host}/x/app`, `${slow.host}/x/app`]);
    assert.deepEqual(result.manifest, manifest);
    assert.equal(events.filter(({ type }) => type === 'layer-start').length, 0);
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    assert.ok(warnings.includes(`${slow.host}/x/app:v1 is not reused: it did not come in time`));
  });

  test('it fails by itself in the end, and the result says so', async (t) => {
    const { good, slow } = await registries(t);
    const layers = twelveLayers(t);
    await push({ ...layers, to: [`${good.host}/x/old:v1`] });
    slow.fault({ on: 'blob-head', times: Infinity, effect: { kind: 'stall', afterBytes: 0 } });
    const to = [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`];
    const options = { ...layers, to, registry: { maxWaitMs: 1 } };
    const { result, done, events } = await pushed(options, () => void slow.stop());
    assert.deepEqual(done, [`${good.host}/x/app`]);
    const [failed, fine] = result.destinations;
    assert.equal((failed!.error as { code?: string }).code, 'ERR_NETWORK');
    assert.deepEqual([fine!.error, fine!.tags], [undefined, ['v1']]);
    const failures = events.filter(({ type }) => type === 'destination-failed');
    assert.equal(failures.length, 1);
  });

  test('layers that nobody else lacks are not read for it before it asks for them', async (t) => {
    const { good, slow } = await registries(t);
    const layers = twelveLayers(t);
    await push({ ...layers, to: [`${good.host}/x/app:v1`] });
    const answers = signal();
    slow.fault({ on: 'blob-head', times: Infinity, effect: { kind: 'hold', until: answers.given } });
    const read: number[] = [];
    let begun = 0;
    const onProgress = (event: ProgressEvent): void => {
      if (event.type === 'layer-start') begun++;
      if (event.type !== 'destination-done') return;
      read.push(begun);
      answers.give();
    };
    const to = [`${slow.host}/x/app:v1`, `${good.host}/x/app:v2`];
    await push({ ...layers, to, onProgress });
    assert.deepEqual(read, [0, LAYERS]);
  });

  test('what only a slow one lacks does not take the places of what the other waits for', async (t) => {
    const { good, slow } = await registries(t);
    const layers = twelveLayers(t);
    // The large layers, whose turn is first, are what the good one has.
    const large = layers.paths!.slice(0, 3);
    await push({ ...layers, paths: large, to: [`${good.host}/x/app:old`] });
    const answers = signal();
    const stalls = { kind: 'hold', until: answers.given } as const;
    for (const on of ['upload-start', 'upload-put', 'upload-patch'] as const)
      slow.fault({ on, times: Infinity, effect: stalls });
    const to = [`${slow.host}/x/app:v1`, `${good.host}/x/app:v1`];
    const { done } = await pushed({ ...layers, to, jobs: 1 }, answers.give);
    assert.deepEqual(done, [`${good.host}/x/app`, `${slow.host}/x/app`]);
  });
});
