import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../src/image/media-types.ts';
import { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import { copy } from '../../src/verbs/copy.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { login } from '../../src/verbs/login.ts';
import { push } from '../../src/verbs/push.ts';
import { registryClient } from '../../src/verbs/registry-client.ts';
import { startServer, writeForever, type Answer, type TestServer } from '../support/server.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import {
  CONFIG,
  digestOf,
  examplePush,
  failsWith,
  IMPATIENT,
  LAYER,
  manifestOf,
  plant,
  registry,
  REPOSITORY,
} from './scene.ts';

const options = { registry: IMPATIENT };
const MIB = 1024 * 1024;

interface Endless {
  readonly server: TestServer;
  /** Bytes that went out. */
  readonly sent: () => number;
}

/** Answers requests for `path` without end, others by `answer`. */
async function endless(
  t: TestContext,
  path: RegExp,
  status: number,
  headers: Record<string, string> = {},
  answer: Answer = (request, response) => response.writeHead(request.method === 'HEAD' ? 404 : 200).end('{}'),
): Promise<Endless> {
  const counters: (() => number)[] = [];
  const server = await startServer(t, (request, response) => {
    if (!path.test(request.url ?? '')) return answer(request, response);
    response.writeHead(status, headers);
    counters.push(writeForever(response, `{"a":"${'x'.repeat(64 * 1024)}`));
    return undefined;
  });
  return { server, sent: () => counters.reduce((sum, count) => sum + count(), 0) };
}

async function listTags(t: TestContext, host: string): Promise<string[]> {
  const store = new RegistryStore({ client: registryClient(host, options), repository: REPOSITORY });
  t.after(() => store.close());
  return store.listTags();
}

describe('an answer without end is not read without end', () => {
  const cases: [
    string,
    RegExp,
    number,
    (host: string, t: TestContext) => Promise<unknown>,
    number,
    RegExp,
  ][] = [
    ['the first contact', /^\/v2\/$/, 200, (host) => inspect(`${host}/x/y`, options), 1, /./],
    [
      'a manifest',
      /manifests/,
      200,
      (host) => inspect(`${host}/x/y`, options),
      6,
      /longer than 8388608 bytes/,
    ],
    ['an error', /manifests/, 400, (host) => inspect(`${host}/x/y`, options), 6, /\(400 /],
    ['a list of tags', /tags/, 200, (host, t) => listTags(t, host), 6, /longer than/],
    [
      'an answer to the start of an upload',
      /uploads/,
      202,
      (host) => push(examplePush(`${host}/x/y`, options)),
      6,
      /./,
    ],
  ];
  for (const [name, path, status, work, code, message] of cases) {
    test(name, async (t) => {
      const { server, sent } = await endless(t, path, status, { 'content-type': OCI_MANIFEST });
      await failsWith(work(server.host, t), code, message);
      assert.ok(sent() < 40 * MIB, `${sent()} bytes went out`);
    });
  }

  test('a token', async (t) => {
    const challenge: Answer = (request, response) => {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
    };
    const { server, sent } = await endless(t, /token/, 200, {}, challenge);
    await failsWith(inspect(`${server.host}/x/y`, options), 6, /longer than 131072 bytes/);
    const credentials = { username: 'ada', password: 'secret', registry: IMPATIENT };
    await failsWith(login(server.host, credentials), 6, /longer than 131072 bytes/);
    assert.ok(sent() < 40 * MIB, `${sent()} bytes went out`);
  });

  test('a config, which is read as long as it was said to be', async (t) => {
    const manifest = JSON.stringify(manifestOf(CONFIG, LAYER));
    const { server, sent } = await endless(t, /blobs/, 200, {}, (request, response) => {
      response.setHeader('content-type', OCI_MANIFEST);
      response.end(request.url === '/v2/' ? '{}' : manifest);
    });
    await failsWith(inspect(`${server.host}/x/y`, options), 5, /is longer than its/);
    assert.ok(sent() < 40 * MIB, `${sent()} bytes went out`);
  });

  test('headers', async (t) => {
    const server = await startServer(t, (_request, response) => {
      for (let number = 0; number < 100; number += 1) response.setHeader(`x-${number}`, 'x'.repeat(4096));
      response.end();
    });
    await failsWith(inspect(`${server.host}/x/y`, options), 6, /failed/);
  });
});

describe('a size that is only claimed', () => {
  test('takes no memory', async (t) => {
    const home = await registry(t);
    const size = 2 ** 52;
    const huge = { mediaType: OCI_LAYER, digest: digestOf(LAYER), size };
    plant(home, manifestOf(CONFIG, LAYER, { layers: [huge] }));
    const before = process.memoryUsage().rss;
    const to = [`oci:${temporaryDirectory(t)}/image`];
    await failsWith(copy(`${home.host}/${REPOSITORY}`, { to, ...options }), 5, /ends after 19 of/);
    plant(home, manifestOf(CONFIG, LAYER, { config: { ...huge, mediaType: OCI_CONFIG } }));
    await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, /is larger than 8388608 bytes/);
    assert.ok(process.memoryUsage().rss - before < 256 * MIB);
  });

  test('of a chunk is not believed', async (t) => {
    const home = await registry(t);
    const headers = { location: '/upload/1', 'oci-chunk-min-length': String(2 ** 40) };
    home.fault({ on: 'upload-start', times: 100, effect: { kind: 'answer', status: 202, headers } });
    await failsWith(push(examplePush(`${home.host}/${REPOSITORY}`, options)), 6, /wants chunks of at least/);
  });
});

describe('what leads on and on', () => {
  test('redirects to themselves', async (t) => {
    const server = await startServer(t, (request, response) =>
      request.url === '/v2/' ? response.end() : response.writeHead(307, { location: request.url }).end(),
    );
    await failsWith(inspect(`${server.host}/x/y`, options), 6, /redirects more than 5 times/);
    assert.ok(server.requests.length < 10);
  });

  test('redirects to ever new addresses', async (t) => {
    const server = await startServer(t, (request, response) =>
      request.url === '/v2/'
        ? response.end()
        : response.writeHead(302, { location: `${request.url}x` }).end(),
    );
    await failsWith(inspect(`${server.host}/x/y`, options), 6, /redirects more than 5 times/);
  });

  test('pages of tags', async (t) => {
    let page = 0;
    const server = await startServer(t, (_request, response) => {
      page += 1;
      response.writeHead(200, { link: `</v2/x/demo/tags/list?page=${page}>; rel="next"` }).end('{"tags":[]}');
    });
    await failsWith(listTags(t, server.host), 6, /the list of tags has no end/);
    assert.ok(server.requests.length < 1100);
  });

  test('indexes in indexes', async (t) => {
    const home = await registry(t);
    let mediaType = OCI_MANIFEST;
    let digest = plant(home);
    for (let depth = 0; depth < 30; depth += 1) {
      const size = home.repository(REPOSITORY).manifests.get(digest)!.bytes.byteLength;
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ mediaType, digest, size }] };
      digest = plant(home, index, OCI_INDEX);
      mediaType = OCI_INDEX;
    }
    const to = [`oci:${temporaryDirectory(t)}/image`];
    await failsWith(copy(`${home.host}/${REPOSITORY}`, { to, ...options }), 1, /nested more than/);
    const shown = await inspect(`${home.host}/${REPOSITORY}`, { ...options, platform: 'linux/amd64' }).catch(
      (error: unknown) => error,
    );
    assert.ok(shown instanceof Error);
  });

  test('an index of more images than there can be', async (t) => {
    const home = await registry(t);
    const manifests = Array.from({ length: 20_001 }, (_, number) => ({
      mediaType: OCI_MANIFEST,
      digest: digestOf(String(number)),
      size: 1,
    }));
    plant(home, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
    const to = [`oci:${temporaryDirectory(t)}/image`];
    await failsWith(copy(`${home.host}/${REPOSITORY}`, { to, ...options }), 1, /are more than 20000/);
    manifests.length = 6000;
    plant(home, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
    await failsWith(copy(`${home.host}/${REPOSITORY}`, { to, ...options }), 1, /more than 5000/);
    assert.ok(home.requests.length < 20, `${home.requests.length} requests`);
  });

  test('brackets in brackets', async (t) => {
    const home = await registry(t);
    plant(home, `{"schemaVersion":2,"config":${'['.repeat(MIB)}`);
    await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, /is not JSON/);
    plant(home, `{"schemaVersion":2,"layers":[],"config":${'['.repeat(MIB)}${']'.repeat(MIB)}}`);
    await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, /is not (JSON|a descriptor)/);
  });
});
