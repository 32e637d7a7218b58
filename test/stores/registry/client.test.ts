import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import type nock from 'nock';
import { RegistryClient, type RegistryRequest } from '../../../src/stores/registry/client.ts';
import type { Credential } from '../../../src/stores/registry/credential.ts';
import { fixedCredentials } from '../../../src/stores/registry/credentials.ts';
import { parseRetryAfter } from '../../../src/stores/registry/retry.ts';
import { fakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { mockNetwork } from '../../support/nock.ts';

const HOST = 'r.example';
const PULL = [{ repository: 'x/y', actions: ['pull'] }] as const;
const REALM = 'https://auth.r.example';
const CHALLENGE = `Bearer realm="${REALM}/token?tenant=a%2Fb",service="the registry"`;
const BASIC: Credential = {
  kind: 'basic',
  username: 'ada',
  password: 'hunter2',
  source: '/home/ada/config.json',
};
const BASIC_HEADER = `Basic ${Buffer.from('ada:hunter2').toString('base64')}`;

const get: RegistryRequest = {
  method: 'GET',
  path: '/v2/x/y/manifests/latest',
  scopes: PULL,
  what: 'reading the manifest',
  expect: [200],
  retry: 'idempotent',
};

interface Scene {
  readonly registry: nock.Scope;
  readonly auth: nock.Scope;
  readonly elsewhere: (origin: string) => nock.Scope;
  readonly client: RegistryClient;
  readonly clock: FakeClock;
  readonly waits: string[];
  readonly text: (request?: Partial<RegistryRequest>) => Promise<string>;
}

/** A client whose requests only reach what the test scripts; `GET /v2/` answers as `challenge` says. */
function scene(
  t: TestContext,
  options: {
    challenge?: string | undefined;
    credential?: Credential;
    ping?: number;
    maxWaitMs?: number;
  } = {},
): Scene {
  const { nock, dispatcher } = mockNetwork(t);
  const clock = fakeClock();
  const waits: string[] = [];
  const client = new RegistryClient({
    host: HOST,
    dispatcher,
    clock,
    onWait: (reason, milliseconds) => waits.push(`${reason}: ${milliseconds}`),
    ...(options.maxWaitMs === undefined ? {} : { maxWaitMs: options.maxWaitMs }),
    ...(options.credential === undefined ? {} : { credentials: fixedCredentials(HOST, options.credential) }),
  });
  t.after(() => client.close());
  const registry = nock(`https://${HOST}`);
  const headers = options.challenge === undefined ? {} : { 'www-authenticate': options.challenge };
  const ping = options.ping ?? (options.challenge === undefined ? 200 : 401);
  registry.get('/v2/').matchHeader('authorization', isAbsent).reply(ping, '', headers);
  return {
    registry,
    auth: nock(REALM),
    elsewhere: (origin) => nock(origin),
    client,
    clock,
    waits,
    async text(request = {}) {
      const { body } = await client.request({ ...get, ...request });
      return Buffer.from(await body.bytes(1000)).toString();
    },
  };
}

/** nock calls it with undefined for a header that is not there. */
function isAbsent(value: unknown): boolean {
  return value === undefined;
}

const tokenPath = (...scopes: string[]): string =>
  `/token?tenant=a%2Fb&service=the%20registry${scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`).join('')}`;
const PULL_TOKEN = tokenPath('repository:x/y:pull');
const MANIFEST = '/v2/x/y/manifests/latest';

describe('a registry that asks for nothing', () => {
  test('is shown no credentials, and asked for bytes as they are', async (t) => {
    const { registry, text } = scene(t, { credential: BASIC });
    registry
      .get(MANIFEST)
      .matchHeader('authorization', isAbsent)
      .matchHeader('accept-encoding', 'identity')
      .matchHeader('user-agent', 'nixpush')
      .reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('is pinged once for many requests at the same time', async (t) => {
    const { registry, text } = scene(t);
    registry.get(MANIFEST).times(3).reply(200, 'it');
    assert.deepEqual(await Promise.all([text(), text(), text()]), ['it', 'it', 'it']);
  });

  test('and then asks after all is answered', async (t) => {
    const { registry, text } = scene(t, { credential: BASIC });
    registry.get(MANIFEST).reply(401, '', { 'www-authenticate': 'Basic realm="r"' });
    registry.get(MANIFEST).matchHeader('authorization', BASIC_HEADER).reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('sets a cookie, which nobody keeps', async (t) => {
    const { registry, text } = scene(t);
    registry.get(MANIFEST).reply(200, '1', { 'set-cookie': 'sid=1; Path=/' });
    registry.get(MANIFEST).matchHeader('cookie', isAbsent).reply(200, '2');
    assert.equal((await text()) + (await text()), '12');
  });
});

describe('a registry that asks for a password', () => {
  test('gets it', async (t) => {
    const { registry, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
    registry.get(MANIFEST).matchHeader('authorization', BASIC_HEADER).reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('without a challenge gets it too', async (t) => {
    const { registry, text } = scene(t, { ping: 401, credential: BASIC });
    registry.get(MANIFEST).matchHeader('authorization', BASIC_HEADER).reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('and refuses it is not asked twice', async (t) => {
    const { registry, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
    registry.get(MANIFEST).reply(401, '', { 'www-authenticate': 'Basic realm="r"' });
    await assert.rejects(text(), {
      code: 'ERR_UNAUTHORIZED',
      message: 'r.example/x/y: reading the manifest was refused (401)',
      hint: /\/home\/ada\/config\.json/,
    });
  });
});

describe('a registry that asks for a token', () => {
  test('gets one from its token server, which gets the password', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE, credential: BASIC });
    auth.get(PULL_TOKEN).matchHeader('authorization', BASIC_HEADER).reply(200, { token: 't1' });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('gets an anonymous one where no password is known', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).matchHeader('authorization', isAbsent).reply(200, { access_token: 't1' });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('gets one token for the scopes of several repositories, the first first', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(tokenPath('repository:x/y:pull,push', 'repository:a/b:pull')).reply(200, { token: 't1' });
    registry.get(MANIFEST).reply(200, 'it');
    const scopes = [
      { repository: 'x/y', actions: ['push'] },
      { repository: 'a/b', actions: ['pull'] },
      { repository: 'x/y', actions: ['pull'] },
    ] as const;
    assert.equal(await text({ scopes }), 'it');
  });

  test('gets the same one from all who ask at the same time, until it is nearly old', async (t) => {
    const { registry, auth, text, clock } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    registry.get(MANIFEST).times(3).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
    await Promise.all([text(), text()]);
    clock.advance(269_000);
    await text();
    clock.advance(2000);
    auth.get(PULL_TOKEN).reply(200, { token: 't2', expires_in: 300 });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t2').reply(200, 'it');
    await text();
  });

  test('gets a new one after a minute where its life is not told', async (t) => {
    const { registry, auth, text, clock } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1' });
    registry.get(MANIFEST).times(2).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
    await text();
    clock.advance(53_000);
    await text();
    clock.advance(2000);
    auth.get(PULL_TOKEN).reply(200, { token: 't2' });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t2').reply(200, 'it');
    await text();
  });

  test('gets a fresh one ahead of a request that must not fail', async (t) => {
    const { registry, auth, client, clock, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    await client.refreshToken(PULL, 60_000);
    clock.advance(200_000);
    await client.refreshToken(PULL, 60_000);
    clock.advance(50_000);
    auth.get(PULL_TOKEN).reply(200, { token: 't2', expires_in: 300 });
    await client.refreshToken(PULL, 60_000);
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t2').reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  test('and calls it expired gets a new one, once', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    auth.get(PULL_TOKEN).reply(200, { token: 't2', expires_in: 300 });
    const expired = { 'www-authenticate': `${CHALLENGE},error="invalid_token"` };
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t1').reply(401, '', expired);
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t2').reply(401, '', expired);
    await assert.rejects(text(), { code: 'ERR_UNAUTHORIZED', status: 401 });
  });

  test('and calls it expired for many requests at the same time gets one new one', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    auth.get(PULL_TOKEN).reply(200, { token: 't2', expires_in: 300 });
    registry.get(MANIFEST).times(3).matchHeader('authorization', 'Bearer t1').reply(401);
    registry.get(MANIFEST).times(3).matchHeader('authorization', 'Bearer t2').reply(200, 'it');
    assert.deepEqual(await Promise.all([text(), text(), text()]), ['it', 'it', 'it']);
  });

  test('and wants a wider scope gets it, once, and from then on', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    const wider = `${CHALLENGE},error="insufficient_scope",scope="repository:x/y:pull,push repository:x/y:pull"`;
    auth.get(PULL_TOKEN).reply(200, { token: 'narrow', expires_in: 300 });
    registry
      .get(MANIFEST)
      .matchHeader('authorization', 'Bearer narrow')
      .reply(401, '', { 'www-authenticate': wider });
    auth
      .get(tokenPath('repository:x/y:pull', 'repository:x/y:pull,push'))
      .reply(200, { token: 'wide', expires_in: 300 });
    registry.get(MANIFEST).times(2).matchHeader('authorization', 'Bearer wide').reply(200, 'it');
    assert.equal(await text(), 'it');
    assert.equal(await text(), 'it');
  });

  test('and has no wider scope to name is not asked again', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    const same = `${CHALLENGE},error="insufficient_scope",scope="repository:x/y:pull"`;
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    registry.get(MANIFEST).reply(401, '', { 'www-authenticate': same });
    await assert.rejects(text(), { message: 'r.example/x/y: reading the manifest needs credentials (401)' });
  });

  test('gets a registry token from the configuration as it is', async (t) => {
    const credential: Credential = { kind: 'registry-token', token: 'ready', source: 'f' };
    const { registry, text } = scene(t, { challenge: CHALLENGE, credential });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer ready').reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  const IDENTITY: Credential = { kind: 'identity-token', token: 'refresh me', username: 'guid', source: 'f' };

  test('exchanges an identity token by POST', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE, credential: IDENTITY });
    const form = {
      grant_type: 'refresh_token',
      refresh_token: 'refresh me',
      client_id: 'nixpush',
      service: 'the registry',
      scope: 'repository:x/y:pull',
    };
    auth.post('/token?tenant=a%2Fb', form).reply(200, { access_token: 't1' });
    registry.get(MANIFEST).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
    assert.equal(await text(), 'it');
  });

  for (const status of [400, 401, 404, 405]) {
    test(`takes an identity token as a password where POST is answered by ${status}`, async (t) => {
      const { registry, auth, text } = scene(t, { challenge: CHALLENGE, credential: IDENTITY });
      auth.post('/token?tenant=a%2Fb').reply(status, 'no such thing');
      auth.get(PULL_TOKEN).basicAuth({ user: 'guid', pass: 'refresh me' }).reply(200, { token: 't1' });
      registry.get(MANIFEST).matchHeader('authorization', 'Bearer t1').reply(200, 'it');
      assert.equal(await text(), 'it');
    });
  }

  test('but names a token server of another domain does not get the password there', async (t) => {
    const challenge = 'Bearer realm="https://evil.example/token",service="s"';
    const { text } = scene(t, { challenge, credential: BASIC });
    await assert.rejects(text(), {
      code: 'ERR_UNAUTHORIZED',
      message: 'r.example wants its credentials sent to evil.example, which belongs to another domain',
    });
  });

  test('from a server that refuses the password: the error names where it came from', async (t) => {
    const { auth, text } = scene(t, { challenge: CHALLENGE, credential: BASIC });
    auth.get(PULL_TOKEN).reply(401, { details: 'incorrect username or password hunter2' });
    await assert.rejects(text(), (error: Error & { hint: string }) => {
      assert.match(
        error.message,
        /^r\.example\/x\/y: getting a token from auth\.r\.example was refused \(401 /,
      );
      assert.match(error.hint, /config\.json/);
      assert.ok(!inspect(error).includes('hunter2'));
      return true;
    });
  });

  const nonsense: [string, nock.Body, RegExp][] = [
    ['no JSON', '<html>', /the token server auth\.r\.example did not answer with JSON/],
    ['no token', {}, /sent no token/],
    ['a token with a line break', { token: 'a\r\nx-evil: 1' }, /sent a token with characters no token has/],
    ['far too much', 'x'.repeat(200_000), /longer than 131072 bytes/],
  ];
  for (const [name, body, message] of nonsense) {
    test(`from a server that sends ${name} gets nothing`, async (t) => {
      const { auth, text } = scene(t, { challenge: CHALLENGE });
      auth.get(PULL_TOKEN).reply(200, body);
      await assert.rejects(text(), { code: 'ERR_REGISTRY', message });
    });
  }
});

describe('a body', () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('bytes');
  }

  test('that is in memory is sent again after a 401', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    auth.get(PULL_TOKEN).reply(200, { token: 't2', expires_in: 300 });
    registry.put(MANIFEST, 'bytes').matchHeader('authorization', 'Bearer t1').reply(401);
    registry.put(MANIFEST, 'bytes').matchHeader('authorization', 'Bearer t2').reply(201);
    await text({ method: 'PUT', body: Buffer.from('bytes'), expect: [201], retry: 'never' });
  });

  test('that is generated is not generated again once some of it was taken', async (t) => {
    const { registry, auth, text } = scene(t, { challenge: CHALLENGE });
    auth.get(PULL_TOKEN).reply(200, { token: 't1', expires_in: 300 });
    registry.patch(MANIFEST).reply(401);
    let generated = 0;
    const body = (): AsyncIterable<Uint8Array> => {
      generated += 1;
      return bytes();
    };
    await assert.rejects(text({ method: 'PATCH', body, expect: [202], retry: 'idempotent' }), {
      code: 'ERR_UNAUTHORIZED',
    });
    assert.equal(generated, 1);
  });

  test('whose source fails: its error comes through', async (t) => {
    const { registry, text } = scene(t);
    registry.patch(MANIFEST).optionally().reply(202);
    const failure = Object.assign(new Error('the file is gone'), { code: 'ENOENT' });
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield* bytes();
      throw failure;
    };
    await assert.rejects(text({ method: 'PATCH', body, expect: [202], retry: 'never' }), (error: Error) => {
      assert.equal(error.cause ?? error, failure);
      return true;
    });
  });
});

describe('waiting', () => {
  test('for the seconds a 429 asks for', async (t) => {
    const { registry, text, clock, waits } = scene(t);
    registry.get(MANIFEST).reply(429, '', { 'retry-after': '7' });
    registry.get(MANIFEST).reply(200, 'it');
    assert.equal(await text(), 'it');
    assert.deepEqual(clock.slept, [7000]);
    assert.deepEqual(waits, ['r.example limits the rate of requests (429): 7000']);
  });

  test('until the date a 503 asks for', async (t) => {
    const { registry, text, clock } = scene(t);
    registry.get(MANIFEST).reply(503, '', { 'retry-after': new Date(clock.now() + 42_000).toUTCString() });
    registry.get(MANIFEST).reply(200, 'it');
    assert.equal(await text(), 'it');
    assert.deepEqual(clock.slept, [42_000]);
  });

  test('longer each time where nothing is asked for, half the limit with middling luck', async (t) => {
    const { registry, text, clock } = scene(t);
    for (const status of [408, 425, 429, 499, 500, 502, 503, 504, 522]) registry.get(MANIFEST).reply(status);
    registry.get(MANIFEST).reply(200, 'it');
    assert.equal(await text(), 'it');
    assert.deepEqual(clock.slept, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test('together: what one was told holds for all', async (t) => {
    const { registry, text, clock } = scene(t);
    registry.get(MANIFEST).reply(429, '', { 'retry-after': '7' });
    registry.get('/v2/x/y/other').reply(200, 'other');
    const refused = text({ retry: 'never' });
    await assert.rejects(refused, { status: 429, hint: /limits the rate/ });
    assert.equal(await text({ path: '/v2/x/y/other' }), 'other');
    assert.deepEqual(clock.slept, [7000]);
  });

  test('ends when the budget is used up, with what the server said last', async (t) => {
    const { registry, text, clock } = scene(t, { maxWaitMs: 10_000 });
    registry.get(MANIFEST).reply(429, '', { 'retry-after': '7' });
    registry
      .get(MANIFEST)
      .reply(429, { errors: [{ code: 'TOOMANYREQUESTS', message: 'slow down' }] }, { 'retry-after': '7' });
    await assert.rejects(text(), {
      code: 'ERR_REGISTRY',
      message: 'r.example/x/y: reading the manifest failed (429 TOOMANYREQUESTS: slow down)',
    });
    assert.deepEqual(clock.slept, [7000]);
  });

  test('after a connection that broke', async (t) => {
    const { registry, text, clock, waits } = scene(t);
    registry.get(MANIFEST).replyWithError(Object.assign(new Error('boom'), { code: 'ECONNRESET' }));
    registry.get(MANIFEST).reply(200, 'it');
    assert.equal(await text(), 'it');
    assert.deepEqual(clock.slept, [250]);
    assert.deepEqual(waits, [
      'r.example/x/y: reading the manifest failed: the connection was reset (ECONNRESET): 250',
    ]);
  });

  test('is not done for a request that must not be repeated', async (t) => {
    const { registry, text, clock } = scene(t);
    registry.post(MANIFEST).reply(500);
    await assert.rejects(text({ method: 'POST', retry: 'never' }), { code: 'ERR_REGISTRY', status: 500 });
    assert.deepEqual(clock.slept, []);
  });

  test('is not done for what will not change', async (t) => {
    const { registry, text, clock } = scene(t);
    registry.get(MANIFEST).reply(501);
    await assert.rejects(text(), { code: 'ERR_REGISTRY', status: 501 });
    assert.deepEqual(clock.slept, []);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1);
  const table: [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ['0', 0],
    [' 120 ', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999999', undefined],
    ['soon', undefined],
    ['', undefined],
  ];
  for (const [value, milliseconds] of table) {
    test(`${JSON.stringify(value)} means ${milliseconds ?? 'nothing'}`, () => {
      assert.equal(parseRetryAfter(value, now), milliseconds);
    });
  }
});

describe('a host that cannot be reached', () => {
  const unreachable = (
    t: TestContext,
    code: string,
    times: number,
  ): { error: Promise<unknown>; slept: number[] } => {
    const { nock, dispatcher } = mockNetwork(t);
    const clock = fakeClock();
    const client = new RegistryClient({ host: HOST, dispatcher, clock });
    nock(`https://${HOST}`)
      .get('/v2/')
      .times(times)
      .replyWithError(Object.assign(new Error('inner'), { code }));
    return { error: client.request(get), slept: clock.slept };
  };

  test('is tried three times if it refuses the connection', async (t) => {
    const { error, slept } = unreachable(t, 'ECONNREFUSED', 3);
    await assert.rejects(error, {
      code: 'ERR_NETWORK',
      message: 'r.example: reaching the registry failed: the connection was refused (ECONNREFUSED)',
      hint: 'Check that a registry runs at r.example and that the port is right.',
    });
    assert.equal(slept.length, 2);
  });

  test('is tried once if its name is unknown', async (t) => {
    const { error } = unreachable(t, 'ENOTFOUND', 1);
    await assert.rejects(error, {
      code: 'ERR_NETWORK',
      message: 'r.example: reaching the registry failed: the name of the host is not known (ENOTFOUND)',
    });
  });

  test('is tried once if its certificate is no good, and never without TLS', async (t) => {
    const { error } = unreachable(t, 'CERT_HAS_EXPIRED', 1);
    await assert.rejects(error, { code: 'ERR_NETWORK', message: /its certificate has expired/ });
  });

  test('insecurely is tried over plain HTTP as well', async (t) => {
    const { nock, dispatcher } = mockNetwork(t);
    const client = new RegistryClient({ host: HOST, dispatcher, clock: fakeClock(), insecure: true });
    nock(`https://${HOST}`)
      .get('/v2/')
      .replyWithError(Object.assign(new Error('x'), { code: 'EPROTO' }));
    nock(`http://${HOST}`).get('/v2/').reply(200);
    assert.equal((await client.origin()).href, 'http://r.example/');
  });

  test('can be tried again later with the same client', async (t) => {
    const { nock, dispatcher } = mockNetwork(t);
    const client = new RegistryClient({ host: HOST, dispatcher, clock: fakeClock() });
    nock(`https://${HOST}`)
      .get('/v2/')
      .replyWithError(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    await assert.rejects(client.origin());
    nock(`https://${HOST}`).get('/v2/').reply(200);
    assert.equal((await client.origin()).href, 'https://r.example/');
  });
});

describe('stopping', () => {
  test('a request that waits for its answer ends it', async (t) => {
    const { registry, text } = scene(t);
    const stop = new AbortController();
    registry.get(MANIFEST).reply(() => {
      stop.abort();
      return new Promise(() => undefined);
    });
    await assert.rejects(text({ signal: stop.signal }), { code: 'ERR_ABORTED' });
  });

  test('the client refuses further requests', async (t) => {
    const { client, text } = scene(t);
    await client.origin();
    await client.close();
    await assert.rejects(text(), { code: 'ERR_ABORTED' });
  });
});

describe('a redirect', () => {
  const blob = { path: '/v2/x/y/blobs/b', followRedirects: true } as const;

  test('to another host is followed without the credentials', async (t) => {
    const { registry, elsewhere, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
    const location = 'https://cdn.example/b?sig=a%2Bb/c';
    registry.get('/v2/x/y/blobs/b').matchHeader('authorization', BASIC_HEADER).reply(307, '', { location });
    elsewhere('https://cdn.example')
      .get('/b?sig=a%2Bb/c')
      .matchHeader('authorization', isAbsent)
      .reply(200, 'it');
    assert.equal(await text(blob), 'it');
  });

  test('on the registry itself keeps them', async (t) => {
    const { registry, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
    registry.get('/v2/x/y/blobs/b').reply(301, '', { location: '/other' });
    registry.get('/other').matchHeader('authorization', BASIC_HEADER).reply(200, 'it');
    assert.equal(await text(blob), 'it');
  });

  test('to plain http is not followed', async (t) => {
    const { registry, text } = scene(t);
    registry.get('/v2/x/y/blobs/b').reply(302, '', { location: 'http://cdn.example/b?sig=s3cret' });
    await assert.rejects(text(blob), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_REGISTRY');
      assert.match(error.message, /leads from https to plain http \(cdn\.example\)$/);
      assert.ok(!inspect(error).includes('s3cret'));
      return true;
    });
  });

  test('that goes round in circles is left after five', async (t) => {
    const { registry, text } = scene(t);
    registry.get('/v2/x/y/blobs/b').times(6).reply(307, '', { location: '/v2/x/y/blobs/b' });
    await assert.rejects(text(blob), { message: 'r.example redirects more than 5 times' });
  });

  test('is an error where none is expected', async (t) => {
    const { registry, text } = scene(t);
    registry.get('/v2/x/y/blobs/b').reply(307, '', { location: '/other' });
    await assert.rejects(text({ path: '/v2/x/y/blobs/b' }), { code: 'ERR_REGISTRY', status: 307 });
  });

  test('does not show credentials to an upload on another host', async (t) => {
    const { elsewhere, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
    elsewhere('https://up.example').put('/u?sig=1').matchHeader('authorization', isAbsent).reply(201, 'it');
    const path = new URL('https://up.example/u?sig=1');
    assert.equal(await text({ method: 'PUT', path, expect: [201], retry: 'never' }), 'it');
  });
});

describe('an error', () => {
  const ociError = (code: string, message: string): object => ({ errors: [{ code, message }] });
  const table: [string, number, nock.Body, Record<string, string>, string, string][] = [
    [
      'of permission',
      403,
      ociError('DENIED', 'requested access is denied'),
      {},
      'ERR_DENIED',
      'was denied (403 DENIED: requested access is denied)',
    ],
    [
      'of a missing repository',
      404,
      ociError('NAME_UNKNOWN', 'no such repository'),
      {},
      'ERR_NOT_FOUND',
      'failed (404 NAME_UNKNOWN: no such repository)',
    ],
    [
      'without a message',
      400,
      { errors: [{ code: 'MANIFEST_INVALID' }] },
      {},
      'ERR_REGISTRY',
      'failed (400 MANIFEST_INVALID)',
    ],
    ['without a body', 400, '', {}, 'ERR_REGISTRY', 'failed (400)'],
    [
      'of a proxy in HTML',
      413,
      '<html><head><title>413 Too\nLarge</title><style>b{}</style></head><body><h1>nginx</h1>',
      { 'content-type': 'text/html' },
      'ERR_REGISTRY',
      'failed (413 413 Too Large nginx)',
    ],
    [
      'with control characters',
      400,
      ociError('X', 'a\u001b[31mred\u0007\u0000\n\u202eevil\u009b2J'),
      {},
      'ERR_REGISTRY',
      'failed (400 X: a [31mred evil 2J)',
    ],
    [
      'of another shape',
      400,
      { errors: 'none', a: [null] },
      {},
      'ERR_REGISTRY',
      'failed (400 {"errors":"none","a":[null]})',
    ],
    ['that is endless', 400, 'x'.repeat(300_000), {}, 'ERR_REGISTRY', `failed (400 ${'x'.repeat(200)}…)`],
    [
      'that repeats a signed address',
      400,
      'see https://s3.example/b?X-Signature=s3cret now',
      {},
      'ERR_REGISTRY',
      'failed (400 see https://s3.example/b?*** now)',
    ],
    [
      'that repeats the password',
      400,
      'bad password hunter2',
      {},
      'ERR_REGISTRY',
      'failed (400 bad password ***)',
    ],
    ['that repeats the header', 400, `bad ${BASIC_HEADER}`, {}, 'ERR_REGISTRY', 'failed (400 bad Basic ***)'],
  ];
  for (const [name, status, body, headers, code, message] of table) {
    test(`${name} is one clear line`, async (t) => {
      const { registry, text } = scene(t, { challenge: 'Basic realm="r"', credential: BASIC });
      registry.get(MANIFEST).reply(status, body, headers);
      await assert.rejects(text(), {
        code,
        message: `r.example/x/y: reading the manifest ${message}`,
        status,
      });
    });
  }

  test('of a missing repository says what to do about it', async (t) => {
    const { registry, text } = scene(t);
    registry.get(MANIFEST).reply(404, ociError('NAME_UNKNOWN', 'unknown'));
    await assert.rejects(text(), {
      hint: /some registries want the repository or its project to be created first/,
    });
  });
});
