import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import {
  personalities,
  startFaultRegistry,
  type FaultRegistry,
  type RegistryQuirks,
} from '../../src/testing/index.ts';

const BYTES = Buffer.from('a blob');

async function start(t: TestContext, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const registry = await startFaultRegistry(quirks);
  t.after(() => registry.stop());
  return registry;
}

async function send(
  registry: FaultRegistry,
  method: string,
  path: string,
  init: { body?: Buffer; headers?: Record<string, string> } = {},
): Promise<Response> {
  const url = new URL(path, `http://${registry.host}`);
  const response = await fetch(url, { method, redirect: 'manual', ...init });
  await response.clone().arrayBuffer();
  return response;
}

async function openSession(registry: FaultRegistry): Promise<string> {
  const { headers } = await send(registry, 'POST', '/v2/x/demo/blobs/uploads/');
  return headers.get('location')!;
}

describe('the scripted registry', () => {
  test('is honest without quirks: a blob goes in by POST, PATCH and PUT, and comes out', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    assert.equal((await send(registry, 'PATCH', location, { body: BYTES })).status, 202);
    assert.equal((await send(registry, 'PUT', `${location}?digest=${sha256(BYTES)}`)).status, 201);
    const got = await send(registry, 'GET', `/v2/x/demo/blobs/${sha256(BYTES)}`);
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), BYTES);
  });

  test('refuses a digest that is not that of the bytes, and forgets the session', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    const put = await send(registry, 'PUT', `${location}?digest=${sha256('other')}`, { body: BYTES });
    assert.equal(put.status, 400);
    assert.match(await put.text(), /DIGEST_INVALID/);
    assert.equal((await send(registry, 'GET', location)).status, 404);
  });

  test('refuses a chunk that does not begin where the last one ended', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    const headers = { 'content-range': '1-6' };
    assert.equal((await send(registry, 'PATCH', location, { body: BYTES, headers })).status, 416);
  });

  test('appends such a chunk when told to ignore ranges', async (t) => {
    const registry = await start(t, { contentRange: 'ignore' });
    const location = await openSession(registry);
    const headers = { 'content-range': '1-6' };
    assert.equal((await send(registry, 'PATCH', location, { body: BYTES, headers })).status, 202);
  });

  test('refuses a manifest whose blobs are not there, and names them', async (t) => {
    const registry = await start(t);
    const body = Buffer.from(JSON.stringify({ config: { digest: sha256(BYTES) }, layers: [] }));
    const put = await send(registry, 'PUT', '/v2/x/demo/manifests/latest', { body });
    assert.equal(put.status, 404);
    assert.match(await put.text(), new RegExp(sha256(BYTES)));
  });

  test('records method, path, status and bytes of each request', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    await send(registry, 'PATCH', location, { body: BYTES });
    const [post, patch] = registry.requests;
    assert.deepEqual([post!.method, post!.path, post!.status], ['POST', '/v2/x/demo/blobs/uploads/', 202]);
    assert.deepEqual([patch!.operation, patch!.status, patch!.bytes], ['upload-patch', 202, BYTES.length]);
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202']);
  });

  test('plays personalities', async (t) => {
    const registry = await start(t, personalities.quay);
    const location = await openSession(registry);
    await send(registry, 'PATCH', location, { body: BYTES });
    const status = await send(registry, 'GET', location);
    assert.equal(status.headers.get('range'), `bytes=0-${BYTES.length}`);
    assert.equal(status.headers.get('location'), null);
  });
});

describe('a fault', () => {
  test('hits the nth request of its operation, as often as it should', async (t) => {
    const registry = await start(t);
    registry.fault({ on: 'tags', nth: 2, times: 2, effect: { kind: 'answer', status: 503 } });
    for (const expected of [200, 503, 503, 200]) {
      assert.equal((await send(registry, 'GET', '/v2/x/demo/tags/list')).status, expected);
    }
  });

  test('resets after exactly so many bytes, which are kept', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 4 } });
    await assert.rejects(send(registry, 'PATCH', location, { body: BYTES }));
    assert.equal((await send(registry, 'GET', location)).headers.get('range'), '0-3');
    assert.equal(registry.requests[1]!.status, 0);
  });

  test('loses an answer, but not what was done', async (t) => {
    const registry = await start(t);
    const location = await openSession(registry);
    registry.fault({ on: 'upload-put', effect: { kind: 'lose-answer' } });
    await assert.rejects(send(registry, 'PUT', `${location}?digest=${sha256(BYTES)}`, { body: BYTES }));
    assert.deepEqual(registry.repository('x/demo').blobs.get(sha256(BYTES)), BYTES);
  });

  test('cuts the answer to a GET', async (t) => {
    const registry = await start(t);
    registry.repository('x/demo').blobs.set(sha256(BYTES), BYTES);
    registry.fault({ on: 'blob-get', effect: { kind: 'reset', afterBytes: 3 } });
    await assert.rejects(send(registry, 'GET', `/v2/x/demo/blobs/${sha256(BYTES)}`));
  });

  test('stalls until the client gives up', async (t) => {
    const registry = await start(t);
    registry.fault({ on: 'tags', effect: { kind: 'stall', afterBytes: 0 } });
    const reading = fetch(`http://${registry.host}/v2/x/demo/tags/list`, { signal: AbortSignal.timeout(50) });
    await assert.rejects(
      reading.then((response) => response.text()),
      { name: 'TimeoutError' },
    );
  });
});

describe('authentication', () => {
  test('by bearer token: a challenge, a token, and no more than its uses', async (t) => {
    const registry = await start(t, { auth: { kind: 'bearer', uses: 1, withoutExpiry: true } });
    const refused = await send(registry, 'GET', '/v2/x/demo/tags/list');
    assert.equal(refused.status, 401);
    const challenge = refused.headers.get('www-authenticate')!;
    assert.match(
      challenge,
      /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/token",.*scope="repository:x\/demo:pull"$/,
    );
    const answer = (await (await send(registry, 'GET', '/token')).json()) as { token: string };
    assert.deepEqual(Object.keys(answer), ['token']);
    const headers = { authorization: `Bearer ${answer.token}` };
    assert.equal((await send(registry, 'GET', '/v2/x/demo/tags/list', { headers })).status, 200);
    assert.equal((await send(registry, 'GET', '/v2/x/demo/tags/list', { headers })).status, 401);
  });

  test('by basic credentials', async (t) => {
    const registry = await start(t, { auth: { kind: 'basic', username: 'u', password: 'p' } });
    const headers = { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` };
    assert.equal((await send(registry, 'GET', '/v2/')).status, 401);
    assert.equal((await send(registry, 'GET', '/v2/', { headers })).status, 200);
  });
});
