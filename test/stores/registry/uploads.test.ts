import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { NixpushError } from '../../../src/base/errors.ts';
import type { FaultRegistry } from '../../../src/testing/index.ts';
import { personalities } from '../../../src/testing/index.ts';
import { RegistryClient } from '../../../src/stores/registry/client.ts';
import { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import { FastClock, REPOSITORY, scene } from '../../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../../support/made-source.ts';

const BIG = madeBytes(300_000);
const SMALL = madeBytes(5000, 2);

function stored(registry: FaultRegistry, source: MadeSource): Buffer | undefined {
  return registry.repository(REPOSITORY).blobs.get(source.expected.digest);
}

/** PATCHes that arrived, as their ranges; `stream` where there was none. */
function ranges(registry: FaultRegistry): string[] {
  return registry.requests
    .filter(({ operation }) => operation === 'upload-patch')
    .map(({ headers }) => String(headers['content-range'] ?? 'stream'));
}

async function errorOf(promise: Promise<unknown>): Promise<NixpushError> {
  const error: unknown = await promise.then(
    () => assert.fail('no error was raised'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof NixpushError, String(error));
  return error;
}

describe('an upload without mishaps', () => {
  test('of unknown digest is POST, one streaming PATCH, PUT', async (t) => {
    const { registry, store } = await scene(t);
    const source = new MadeSource(BIG);
    const result = await store.putBlob(source);
    assert.deepEqual(result, { ...source.expected, outcome: 'uploaded', sentBytes: BIG.length });
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 201']);
    assert.deepEqual(ranges(registry), ['stream']);
    assert.equal(
      registry.requests.find(({ method }) => method === 'PATCH')!.headers['transfer-encoding'],
      'chunked',
    );
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('of a blob that is there sends nothing', async (t) => {
    const { registry, store } = await scene(t);
    const source = new MadeSource(BIG, { known: true });
    registry.repository(REPOSITORY).blobs.set(source.expected.digest, BIG);
    assert.deepEqual(await store.putBlob(source), { ...source.expected, outcome: 'exists', sentBytes: 0 });
    assert.deepEqual(registry.dialogue(), ['HEAD 200']);
    assert.deepEqual(source.opened, []);
  });

  test('of a known small blob is HEAD, POST, PUT', async (t) => {
    const { registry, store } = await scene(t);
    const source = new MadeSource(SMALL, { known: true });
    assert.equal((await store.putBlob(source)).outcome, 'uploaded');
    assert.deepEqual(registry.dialogue(), ['HEAD 404', 'POST 202', 'PUT 201']);
    assert.deepEqual(stored(registry, source), SMALL);
  });

  test('of known digest gets its first bytes while the registry opens the session', async (t) => {
    const { registry, store } = await scene(t);
    const dialogues: string[][] = [];
    const onPiece = (): void => void dialogues.push(registry.dialogue());
    const source = new MadeSource(BIG, { known: true, onPiece });
    await store.putBlob(source);
    assert.deepEqual(dialogues[0], ['HEAD 404']);
    assert.deepEqual(source.opened, [0]);
  });

  test('whose session is refused lets go of the bytes that it has begun to get', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-start', effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    const source = new MadeSource(BIG, { known: true });
    assert.equal((await errorOf(store.putBlob(source))).code, 'ERR_DENIED');
    assert.equal(source.running, 0);
  });

  test('of a known large blob tells its length', async (t) => {
    const { registry, store } = await scene(t);
    await store.putBlob(new MadeSource(BIG, { known: true }));
    const patch = registry.requests.find(({ method }) => method === 'PATCH')!;
    assert.equal(patch.headers['content-length'], String(BIG.length));
  });

  test('of an empty blob works', async (t) => {
    const { registry, store } = await scene(t);
    const source = new MadeSource(Buffer.alloc(0), { known: true });
    await store.putBlob(source);
    assert.deepEqual(stored(registry, source), Buffer.alloc(0));
  });

  test('reports each byte once', async (t) => {
    const { store } = await scene(t);
    let sum = 0;
    await store.putBlob(new MadeSource(BIG), { onBytes: (delta) => (sum += delta) });
    assert.equal(sum, BIG.length);
  });

  for (const [name, quirks] of Object.entries(personalities)) {
    test(`ends well with a registry like ${name}, for large and small blobs, known and unknown`, async (t) => {
      const { registry, store } = await scene(t, quirks);
      for (const bytes of [BIG, SMALL]) {
        for (const known of [true, false]) {
          const source = new MadeSource(bytes, { known });
          registry.repository(REPOSITORY).blobs.clear();
          await store.putBlob(source);
          assert.deepEqual(stored(registry, source), bytes);
        }
      }
    });
  }

  test('sends signed Locations back byte for byte', async (t) => {
    const { registry, store } = await scene(t, { signedLocation: true });
    await store.putBlob(new MadeSource(BIG));
    const put = registry.requests.find(({ method }) => method === 'PUT')!;
    assert.match(put.path, /\?sig=a%2Fb\+[-0-9a-f]+&digest=sha256:[0-9a-f]{64}$/);
  });

  test('keeps no cookies', async (t) => {
    const { registry, store } = await scene(t, { cookieTrap: true });
    await store.putBlob(new MadeSource(BIG));
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 201']);
  });

  test('works where no answer but the first has a Location', async (t) => {
    const { registry, store } = await scene(t, { location: 'none' });
    await store.putBlob(new MadeSource(BIG));
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 201']);
  });
});

describe('HEAD before an upload', () => {
  for (const status of [400, 401, 403, 405] as const) {
    test(`that is refused by ${status} counts as not there`, async (t) => {
      const { registry, store } = await scene(t, { blobHeadRefused: status });
      await store.putBlob(new MadeSource(BIG, { known: true }));
      assert.equal(registry.dialogue()[0], `HEAD ${status}`);
      assert.equal(registry.dialogue().at(-1), 'PUT 201');
    });
  }

  test('that finds another size counts as not there', async (t) => {
    const { registry, store } = await scene(t);
    const source = new MadeSource(BIG, { known: true });
    registry.repository(REPOSITORY).blobs.set(source.expected.digest, BIG.subarray(1));
    await store.putBlob(source);
    assert.deepEqual(stored(registry, source), BIG);
  });
});

describe('a stream that breaks', () => {
  test('goes on in ranges from the byte the registry has', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution3);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const source = new MadeSource(BIG);
    const { sentBytes } = await store.putBlob(source);
    assert.deepEqual(registry.dialogue().slice(0, 3), ['POST 202', 'PATCH 0', 'GET 204']);
    assert.deepEqual(ranges(registry), [
      'stream',
      '100001-165536',
      '165537-231072',
      '231073-296608',
      '296609-299999',
    ]);
    assert.deepEqual(source.opened, [0, 100_001]);
    assert.deepEqual(stored(registry, source), BIG);
    assert.ok(sentBytes >= BIG.length);
    const received = registry.requests
      .filter(({ operation }) => operation === 'upload-patch')
      .reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(received, BIG.length, 'the registry got a byte twice');
  });

  test('of which more than a chunk is there is asked about patiently', async (t) => {
    const { registry, store, clock } = await scene(t, personalities.distribution3);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const empty = { kind: 'answer', status: 204, headers: { range: '0--1' }, body: '' } as const;
    registry.fault({ on: 'upload-status', times: 4, effect: empty });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.equal(registry.dialogue().filter((line) => line === 'POST 202').length, 1);
    assert.deepEqual(clock.sleeps, [500, 1000, 2000, 4000, 100]);
    assert.equal(ranges(registry)[1], '100001-165536');
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('is asked about until its bytes are all written down, as distribution 3 still does', async (t) => {
    const { registry, store, clock } = await scene(t, personalities.distribution3);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const early = { kind: 'answer', status: 204, headers: { range: '0-50000' }, body: '' } as const;
    registry.fault({ on: 'upload-status', effect: early });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(clock.sleeps, [100, 100]);
    assert.equal(ranges(registry)[1], '100001-165536');
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('is asked about once more if the registry has not noticed yet, as olareg', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution3);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const empty = { kind: 'answer', status: 204, headers: { range: '0--1' }, body: '' } as const;
    registry.fault({ on: 'upload-status', effect: empty });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue().slice(0, 4), ['POST 202', 'PATCH 0', 'GET 204', 'GET 204']);
    assert.equal(ranges(registry)[1], '100001-165536');
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('steps its progress back to where it goes on', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution3);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    let sum = 0;
    await store.putBlob(new MadeSource(BIG), { onBytes: (delta) => (sum += delta) });
    assert.equal(sum, BIG.length);
  });

  test('begins anew where the session is lost, as with distribution 2', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue(), [
      'POST 202',
      'PATCH 0',
      'GET 404',
      'DELETE 204',
      'POST 202',
      'PATCH 202',
      'PUT 201',
    ]);
    assert.deepEqual(source.opened, [0, 0]);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('says why it waits before it begins anew', async (t) => {
    const { registry } = await scene(t, personalities.distribution2);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 100_001 } });
    const waits: string[] = [];
    const clock = new FastClock();
    const client = new RegistryClient({ host: registry.host, clock });
    const store = new RegistryStore({
      client,
      repository: REPOSITORY,
      uploads: { clock },
      onWait: (reason) => waits.push(reason),
    });
    t.after(() => store.close());
    await store.putBlob(new MadeSource(BIG));
    assert.equal(waits.length, 1);
    assert.match(waits[0]!, /pushing layer 1 failed: the connection was (reset|closed)/);
  });

  test('before its first byte costs no more than a new session', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 0 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue().slice(-3), ['POST 202', 'PATCH 202', 'PUT 201']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  for (const afterBytes of [1, 65_535, 65_536, 65_537, 299_999, 300_000]) {
    for (const name of [
      'distribution2',
      'distribution3',
      'zot',
      'quay',
      'ecr',
      'artifactRegistry',
    ] as const) {
      test(`after ${afterBytes} bytes at ${name} ends well`, async (t) => {
        const { registry, store } = await scene(t, personalities[name]);
        registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes } });
        const source = new MadeSource(BIG);
        await store.putBlob(source);
        assert.deepEqual(stored(registry, source), BIG);
      });
    }
  }

  test('again and again goes over to chunks, and gets through in parts', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    registry.fault({ on: 'upload-patch', times: 2, effect: { kind: 'reset', afterBytes: 50_000 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(0, 3), ['stream', 'stream', '0-65535']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('for ever is given up after five new sessions, all of them cancelled', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    registry.fault({ on: 'upload-patch', times: 100, effect: { kind: 'reset', afterBytes: 1000 } });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.code, 'ERR_NETWORK');
    assert.equal(registry.requests.filter(({ operation }) => operation === 'upload-start').length, 6);
    assert.equal(registry.repository(REPOSITORY).sessions.size, 0);
  });

  test('by an early refusal stops the source at once', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-patch', effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    const source = new MadeSource(madeBytes(20_000_000), { pieceBytes: 100_000 });
    const error = await errorOf(store.putBlob(source));
    assert.equal(error.code, 'ERR_DENIED');
    assert.ok(source.given < 15_000_000, `${source.given} bytes were made`);
    assert.equal(source.running, 0);
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 403', 'DELETE 204']);
  });

  test('because nothing is taken any more is noticed by the watchdog', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution3, { stallMs: 100 });
    registry.fault({ on: 'upload-patch', effect: { kind: 'stall', afterBytes: 1_000_000 } });
    const source = new MadeSource(madeBytes(30_000_000), { pieceBytes: 1_000_000 });
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue().slice(0, 3), ['POST 202', 'PATCH 0', 'GET 204']);
    assert.deepEqual(stored(registry, source), source.bytes);
  });

  test('through a source that is slow is not taken for a dead connection', async (t) => {
    const { registry, store } = await scene(t, {}, { stallMs: 20 });
    const onPiece = async (offset: number): Promise<void> => {
      if (offset === 20_000) await new Promise((resolve) => setTimeout(resolve, 60));
    };
    await store.putBlob(new MadeSource(BIG, { onPiece }));
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 201']);
  });

  for (const status of [408, 429, 500, 502, 503]) {
    test(`by ${status} is tried again`, async (t) => {
      const { registry, store } = await scene(t);
      registry.fault({
        on: 'upload-patch',
        effect: { kind: 'answer', status, headers: { 'retry-after': '7' } },
      });
      const source = new MadeSource(BIG);
      await store.putBlob(source);
      assert.deepEqual(stored(registry, source), BIG);
    });
  }

  test('because the token has died is sent again with a new one, in the same session', async (t) => {
    const { registry, store } = await scene(t, { auth: { kind: 'bearer', uses: 1 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 401', 'PATCH 202', 'PUT 401', 'PUT 201']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('because of a right that a new token does not bring is an error', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-patch', times: 9, effect: { kind: 'answer', status: 401 } });
    assert.equal((await errorOf(store.putBlob(new MadeSource(BIG)))).code, 'ERR_UNAUTHORIZED');
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 401', 'PATCH 401', 'DELETE 204']);
  });
});

describe('a registry that answers 429 for a minute', () => {
  for (const [form, headers] of [
    ['with seconds', { 'retry-after': '10' }],
    ['with a date', { 'retry-after': 'at the end' }],
    ['without a word', {}],
  ] as const) {
    test(`${form} gets the blob after it`, async (t) => {
      const { registry, store, clock } = await scene(t);
      const end = clock.now() + 60_000;
      clock.onSleep = () => {
        if (clock.now() >= end) registry.clearFaults();
      };
      const date = { 'retry-after': new Date(end + 1000).toUTCString() };
      registry.fault({
        times: Number.POSITIVE_INFINITY,
        effect: { kind: 'answer', status: 429, headers: form === 'with a date' ? date : headers },
      });
      const source = new MadeSource(BIG);
      await store.putBlob(source);
      assert.deepEqual(stored(registry, source), BIG);
      assert.ok(clock.now() >= end);
      assert.ok(registry.requests.length < 30, `${registry.requests.length} requests`);
    });
  }
});

describe('a mode that is refused', () => {
  test('for want of a length gives way to chunks', async (t) => {
    const { registry, store } = await scene(t, { unsizedRefused: 411 });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(0, 2), ['stream', '0-65535']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('is not tried again for the next blob', async (t) => {
    const { registry, store } = await scene(t, { unsizedRefused: 411 });
    await store.putBlob(new MadeSource(BIG));
    await store.putBlob(new MadeSource(madeBytes(200_000, 3)));
    assert.equal(ranges(registry).filter((range) => range === 'stream').length, 1);
  });

  for (const status of [404, 405] as const) {
    test(`because PATCH is not known (${status}) gives way to one PUT`, async (t) => {
      const { registry, store } = await scene(t, { patchRefused: status });
      const source = new MadeSource(BIG);
      await store.putBlob(source);
      assert.equal(registry.dialogue().at(-1), 'PUT 201');
      assert.deepEqual(stored(registry, source), BIG);
    });
  }

  for (const status of [400, 404, 405, 413] as const) {
    test(`because PUT takes no blob (${status}) gives way to PATCH`, async (t) => {
      const { registry, store } = await scene(t, { monolithicRefused: status });
      const source = new MadeSource(SMALL, { known: true });
      await store.putBlob(source);
      assert.deepEqual(registry.dialogue().slice(-2), ['PATCH 202', 'PUT 201']);
      assert.deepEqual(stored(registry, source), SMALL);
    });
  }

  test('in all its forms is an error that says what the registry said', async (t) => {
    const { store } = await scene(t, { patchRefused: 405, monolithicRefused: 405 });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.code, 'ERR_REGISTRY');
    assert.equal(error.status, 405);
  });

  for (const maxBody of [64_000, 20_000, 3000]) {
    test(`for bodies above ${maxBody} bytes gives way to smaller chunks`, async (t) => {
      const { registry, store } = await scene(t, { maxBody });
      const source = new MadeSource(BIG);
      await store.putBlob(source);
      assert.deepEqual(stored(registry, source), BIG);
    });
  }

  test('for every size is an error', async (t) => {
    const { store } = await scene(t, { maxBody: 500 });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.status, 413);
  });

  test('for ranges above a limit gives way to smaller ones', async (t) => {
    const { registry, store } = await scene(t, { unsizedRefused: 411, maxRangedBody: 20_000 });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1, 5), ['0-65535', '0-32767', '0-16383', '16384-32767']);
    assert.deepEqual(stored(registry, source), BIG);
  });
});

describe('chunks', () => {
  const CHUNKED = { unsizedRefused: 411 } as const;

  test('are as long as the registry says', async (t) => {
    const { registry, store } = await scene(t, { maxChunk: 40_000 });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(0, 2), ['0-39999', '40000-79999']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('are no shorter than the registry says, but for the last', async (t) => {
    const { registry, store } = await scene(t, { ...CHUNKED, minChunk: 100_000 });
    const source = new MadeSource(madeBytes(250_000, 4));
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1), ['0-99999', '100000-199999', '200000-249999']);
    assert.deepEqual(stored(registry, source), source.bytes);
  });

  test('that break go on inside the chunk, without asking the source again', async (t) => {
    const { registry, store } = await scene(t, { maxChunk: 65_536, ...personalities.distribution3 });
    registry.fault({ on: 'upload-patch', nth: 2, effect: { kind: 'reset', afterBytes: 30_000 } });
    const source = new MadeSource(BIG);
    const { sentBytes } = await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(0, 3), ['0-65535', '65536-131071', '95536-161071']);
    assert.deepEqual(source.opened, [0]);
    assert.deepEqual(stored(registry, source), BIG);
    assert.ok(sentBytes <= BIG.length + 65_536, `${sentBytes} bytes were sent`);
  });

  test('whose answer is lost are not sent again', async (t) => {
    const { registry, store } = await scene(t, { ...CHUNKED, ...personalities.distribution3 });
    registry.fault({ on: 'upload-patch', nth: 3, effect: { kind: 'lose-answer' } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1, 4), ['0-65535', '65536-131071', '131072-196607']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('that fail where there is no status are sent once more, as with ECR', async (t) => {
    const { registry, store } = await scene(t, { ...CHUNKED, ...personalities.ecr, minChunk: 10_000 });
    registry.fault({ on: 'upload-patch', nth: 3, effect: { kind: 'answer', status: 500 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1, 4), ['0-65535', '65536-131071', '65536-131071']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  for (const range of ['stuck', 'one-too-many', 'last-chunk', 'none'] as const) {
    test(`that break end well although the Range is ${range}`, async (t) => {
      const { registry, store } = await scene(t, { ...CHUNKED, range });
      registry.fault({ on: 'upload-patch', nth: 3, effect: { kind: 'reset', afterBytes: 30_000 } });
      const source = new MadeSource(BIG);
      await store.putBlob(source);
      assert.deepEqual(stored(registry, source), BIG);
    });
  }

  test('that break overlap by a byte with Quay, which names one too many', async (t) => {
    const { registry, store } = await scene(t, { ...CHUNKED, ...personalities.quay });
    registry.fault({ on: 'upload-patch', nth: 3, effect: { kind: 'reset', afterBytes: 30_000 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1, 4), ['0-65535', '65536-131071', '95536-161071']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('are cut smaller when they never get through', async (t) => {
    const { registry, store } = await scene(t, { ...CHUNKED, ...personalities.distribution2 });
    registry.fault({ on: 'upload-patch', nth: 2, times: 2, effect: { kind: 'reset', afterBytes: 30_000 } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(1, 4), ['0-65535', '0-32767', '0-16383']);
    assert.deepEqual(stored(registry, source), BIG);
  });
});

describe('the final PUT', () => {
  test('whose answer is lost is settled by HEAD', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-put', effect: { kind: 'lose-answer' } });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 0', 'PUT 404', 'HEAD 200']);
  });

  test('of a small blob whose answer is lost is settled by HEAD', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-put', effect: { kind: 'lose-answer' } });
    await store.putBlob(new MadeSource(SMALL, { known: true }));
    assert.deepEqual(registry.dialogue(), ['HEAD 404', 'POST 202', 'PUT 0', 'HEAD 200']);
  });

  test('that meets an error of the server is sent again', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-put', effect: { kind: 'answer', status: 503 } });
    await store.putBlob(new MadeSource(BIG));
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 503', 'PUT 201']);
  });

  test('that is told the token has died costs no byte', async (t) => {
    const { registry, store } = await scene(t, { auth: { kind: 'bearer', uses: 2 } });
    const source = new MadeSource(BIG);
    const { sentBytes } = await store.putBlob(source);
    assert.deepEqual(registry.dialogue().slice(-2), ['PUT 401', 'PUT 201']);
    assert.equal(sentBytes, BIG.length);
  });

  test('refused for its digest leads to one clean upload in another way', async (t) => {
    const { registry, store } = await scene(t);
    const refusal = { kind: 'answer', status: 400, code: 'DIGEST_INVALID' } as const;
    registry.fault({ on: 'upload-put', effect: refusal });
    const source = new MadeSource(BIG);
    await store.putBlob(source);
    assert.deepEqual(ranges(registry).slice(0, 2), ['stream', '0-65535']);
    assert.deepEqual(stored(registry, source), BIG);
  });

  test('refused for its digest twice is an error', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({
      on: 'upload-put',
      times: 9,
      effect: { kind: 'answer', status: 400, code: 'DIGEST_INVALID' },
    });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.status, 400);
    assert.equal(registry.requests.filter(({ method }) => method === 'POST').length, 2);
  });

  test('answered with another digest is an integrity error', async (t) => {
    const { store } = await scene(t, { digestHeader: 'wrong' });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.code, 'ERR_INTEGRITY');
  });

  test('that stores other bytes than the digest says is an integrity error', async (t) => {
    const { store } = await scene(t, { wrongDigestAccepted: true });
    const source = new MadeSource(BIG);
    const id = { digest: sha256('something else'), size: BIG.length };
    const changed = { what: 'layer 1', id, open: (offset: number) => source.open(offset) };
    assert.equal((await errorOf(store.putBlob(changed))).code, 'ERR_INTEGRITY');
  });

  for (const commitStatus of [200, 202, 204] as const) {
    test(`may be answered by ${commitStatus}`, async (t) => {
      const { registry, store } = await scene(t, { commitStatus });
      await store.putBlob(new MadeSource(BIG));
      assert.equal(registry.dialogue().at(-1), `PUT ${commitStatus}`);
    });
  }
});

describe('what ends an upload for good', () => {
  test('a source that fails: its own error, and the session is cancelled', async (t) => {
    const { registry, store } = await scene(t);
    const failure = new NixpushError('ERR_IO', 'the file went away');
    const onPiece = (offset: number): void => {
      if (offset >= 100_000) throw failure;
    };
    const error = await errorOf(store.putBlob(new MadeSource(BIG, { onPiece })));
    assert.equal(error, failure);
    assert.equal(registry.dialogue().at(-1), 'DELETE 204');
    assert.equal(registry.repository(REPOSITORY).sessions.size, 0);
  });

  test('a source that fails with a network error of its own is not tried again', async (t) => {
    const { registry, store } = await scene(t, { unsizedRefused: 411 });
    const failure = new NixpushError('ERR_NETWORK', 'the binary cache is gone');
    const onPiece = (offset: number): void => {
      if (source.opened.length > 1 && offset >= 100_000) throw failure;
    };
    const source = new MadeSource(BIG, { onPiece });
    assert.equal(await errorOf(store.putBlob(source)), failure);
    assert.equal(registry.requests.filter(({ method }) => method === 'POST').length, 2);
  });

  test('the signal: the session is cancelled and the source closed', async (t) => {
    const { registry, store } = await scene(t);
    const controller = new AbortController();
    const onPiece = (offset: number): void => {
      if (offset >= 100_000) controller.abort();
    };
    const source = new MadeSource(BIG, { onPiece });
    const error = await errorOf(store.putBlob(source, { signal: controller.signal }));
    assert.equal(error.code, 'ERR_ABORTED');
    assert.equal(registry.dialogue().at(-1), 'DELETE 204');
    assert.equal(source.running, 0);
  });

  test('a known source of another length', async (t) => {
    const { store } = await scene(t);
    const source = new MadeSource(BIG, { known: true });
    const longer = {
      what: 'layer 1',
      id: { ...source.expected, size: BIG.length + 1 },
      open: () => source.open(0),
    };
    assert.equal((await errorOf(store.putBlob(longer))).code, 'ERR_INTEGRITY');
    const shorter = { ...longer, id: { ...source.expected, size: BIG.length - 1 } };
    assert.equal((await errorOf(store.putBlob(shorter))).code, 'ERR_INTEGRITY');
  });

  test('a source that ends without knowing its digest', async (t) => {
    const { registry, store } = await scene(t);
    const source = { what: 'layer 1', id: undefined, open: () => new MadeSource(BIG).open(0) };
    assert.equal((await errorOf(store.putBlob(source))).code, 'ERR_INTEGRITY');
    assert.equal(registry.dialogue().at(-1), 'DELETE 204');
  });

  test('a repository that does not exist', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'upload-start', effect: { kind: 'answer', status: 404, code: 'NAME_UNKNOWN' } });
    const error = await errorOf(store.putBlob(new MadeSource(BIG)));
    assert.equal(error.code, 'ERR_NOT_FOUND');
    assert.ok(error.hint !== undefined);
    assert.deepEqual(registry.dialogue(), ['POST 404']);
  });

  test('a registry that wants chunks beyond all reason', async (t) => {
    const { store } = await scene(t, { minChunk: 2 ** 40 });
    assert.equal((await errorOf(store.putBlob(new MadeSource(BIG)))).code, 'ERR_REGISTRY');
  });

  test('a Location on another host that knows nothing of it, which never sees credentials', async (t) => {
    const { registry: elsewhere } = await scene(t);
    const { store } = await scene(t, {
      auth: { kind: 'bearer' },
      locationOrigin: `http://${elsewhere.host}`,
    });
    assert.equal((await errorOf(store.putBlob(new MadeSource(BIG)))).status, 404);
    assert.ok(elsewhere.requests.length > 0);
    assert.deepEqual(
      elsewhere.requests.filter(({ headers }) => headers['authorization'] !== undefined),
      [],
    );
  });

  test('a Location that uses another protocol', async (t) => {
    const { store } = await scene(t, { locationOrigin: 'ftp://127.0.0.1' });
    assert.equal((await errorOf(store.putBlob(new MadeSource(BIG)))).code, 'ERR_REGISTRY');
  });
});
