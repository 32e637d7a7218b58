import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test, type TestContext } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { RegistryClient, type RegistryClientOptions } from '../../../src/stores/registry/client.ts';
import { authFileCredentials } from '../../../src/stores/registry/auth-file.ts';
import { resolveLocation } from '../../../src/stores/registry/url-policy.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { needs } from '../../support/peers.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { startTokenServer, type TokenServer } from '../../support/token-server.ts';

const PUSH = [{ repository: 'x/demo', actions: ['pull', 'push'] }] as const;
const BYTES = Buffer.from('a blob, small but real\n');

function clientFor(t: TestContext, options: RegistryClientOptions): RegistryClient {
  const client = new RegistryClient(options);
  t.after(() => client.close());
  return client;
}

/** POST, streaming PATCH, PUT, and read back what came to lie there. */
async function pushAndRead(client: RegistryClient): Promise<string> {
  const origin = await client.origin();
  const start = await client.request({
    method: 'POST',
    path: '/v2/x/demo/blobs/uploads/',
    scopes: PUSH,
    what: 'starting an upload',
    expect: [202],
    retry: 'idempotent',
  });
  await start.body.dump();
  const patch = await client.request({
    method: 'PATCH',
    path: resolveLocation(start.headers['location']!, start.url, origin).url,
    scopes: PUSH,
    headers: { 'content-type': 'application/octet-stream' },
    async *body() {
      yield BYTES.subarray(0, 5);
      yield BYTES.subarray(5);
    },
    expect: [202],
    retry: 'never',
  });
  await patch.body.dump();
  const location = resolveLocation(patch.headers['location']!, patch.url, origin).url;
  const put = await client.request({
    method: 'PUT',
    path: new URL(`${location.href}&digest=${encodeURIComponent(sha256(BYTES))}`),
    scopes: PUSH,
    expect: [201],
    retry: 'never',
  });
  await put.body.dump();
  const get = await client.request({
    method: 'GET',
    path: `/v2/x/demo/blobs/${sha256(BYTES)}`,
    scopes: PUSH,
    expect: [200],
    retry: 'idempotent',
    followRedirects: true,
  });
  return Buffer.from(await get.body.bytes(1000)).toString();
}

function dockerConfig(t: TestContext, host: string, user: string, password: string): string {
  const file = join(temporaryDirectory(t), 'config.json');
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  writeFileSync(file, JSON.stringify({ auths: { [host]: { auth } } }));
  return file;
}

test(
  'a registry without login is pushed to over plain HTTP on loopback',
  needs('docker-registry'),
  async (t) => {
    const { host } = await startDockerRegistry(t);
    assert.equal(await pushAndRead(clientFor(t, { host })), BYTES.toString());
  },
);

test(
  'a registry with htpasswd takes the password of the Docker config',
  needs('docker-registry', 'htpasswd'),
  async (t) => {
    const { host } = await startDockerRegistry(t, { user: { name: 'ada', password: 'love:lace' } });
    const credentials = authFileCredentials(dockerConfig(t, host, 'ada', 'love:lace'), {});
    assert.equal(await pushAndRead(clientFor(t, { host, credentials })), BYTES.toString());
  },
);

test(
  'a registry with htpasswd and no password known: the error says to log in',
  needs('docker-registry', 'htpasswd'),
  async (t) => {
    const { host } = await startDockerRegistry(t, { user: { name: 'ada', password: 'x' } });
    await assert.rejects(pushAndRead(clientFor(t, { host })), {
      code: 'ERR_UNAUTHORIZED',
      message: `${host}/x/demo: starting an upload needs credentials (401 UNAUTHORIZED: authentication required)`,
      hint: /nixpush login 127/,
    });
  },
);

test(
  'a wrong password: the error names the file it came from, not the password',
  needs('docker-registry', 'htpasswd'),
  async (t) => {
    const { host } = await startDockerRegistry(t, { user: { name: 'ada', password: 'x' } });
    const file = dockerConfig(t, host, 'ada', 'hunter2');
    const client = clientFor(t, { host, credentials: authFileCredentials(file, {}) });
    await assert.rejects(pushAndRead(client), (error: Error & { hint: string; code: string }) => {
      assert.equal(error.code, 'ERR_UNAUTHORIZED');
      assert.match(error.message, /starting an upload was refused \(401/);
      assert.ok(error.hint.includes(file));
      assert.ok(!inspect(error).includes('hunter2'));
      return true;
    });
  },
);

/** A private authority and a certificate of it for 127.0.0.1. */
function makeCertificates(directory: string): { ca: string; cert: string; key: string } {
  const run = (...args: string[]): void => {
    const done = spawnSync('openssl', args, { cwd: directory });
    assert.equal(done.status, 0, done.stderr.toString());
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  run('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority');
  run('req', ...ec.slice(0, 5), '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1');
  writeFileSync(join(directory, 'ext'), 'subjectAltName=IP:127.0.0.1\n');
  const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext'];
  run('x509', '-req', '-in', 'server.csr', ...sign, '-out', 'server.crt');
  return {
    ca: join(directory, 'ca.crt'),
    cert: join(directory, 'server.crt'),
    key: join(directory, 'server.key'),
  };
}

/** A registry whose certificate comes from a private authority, and a home directory for the client. */
async function privateRegistry(
  t: TestContext,
  options: { clientCertificates?: boolean } = {},
): Promise<{ host: string; certificates: ReturnType<typeof makeCertificates>; certsDirectory: string }> {
  const certificates = makeCertificates(temporaryDirectory(t));
  const { ca, cert, key } = certificates;
  const demand = options.clientCertificates === true ? `, clientcas: [${ca}]` : '';
  const { host } = await startDockerRegistry(t, {
    http: [`tls: {certificate: ${cert}, key: ${key}${demand}}`],
  });
  const home = temporaryDirectory(t);
  setVariable(t, 'HOME', home);
  return { host, certificates, certsDirectory: join(home, '.config/containers/certs.d', host) };
}

function setVariable(t: TestContext, name: string, value: string): void {
  const saved = process.env[name];
  process.env[name] = value;
  t.after(() => {
    if (saved === undefined) delete process.env[name];
    else process.env[name] = saved;
  });
}

function install(directory: string, files: Record<string, string>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, from] of Object.entries(files)) copyFileSync(from, join(directory, name));
}

const TLS_PROGRAMS = needs('docker-registry', 'openssl');

test(
  'a certificate of an unknown authority is refused, and said how to trust it',
  TLS_PROGRAMS,
  async (t) => {
    const { host } = await privateRegistry(t);
    await assert.rejects(pushAndRead(clientFor(t, { host })), {
      code: 'ERR_NETWORK',
      message: /reaching the registry failed: its certificate comes from an unknown authority/,
      hint: /certs\.d/,
    });
  },
);

test('a certificate of an unknown authority is taken insecurely', TLS_PROGRAMS, async (t) => {
  const { host } = await privateRegistry(t);
  assert.equal(await pushAndRead(clientFor(t, { host, insecure: true })), BYTES.toString());
});

test('a private authority is trusted through certs.d', TLS_PROGRAMS, async (t) => {
  const { host, certificates, certsDirectory } = await privateRegistry(t);
  install(certsDirectory, { 'ca.crt': certificates.ca });
  assert.equal(await pushAndRead(clientFor(t, { host })), BYTES.toString());
});

test('a private authority is trusted through a CA file', TLS_PROGRAMS, async (t) => {
  const { host, certificates } = await privateRegistry(t);
  assert.equal(await pushAndRead(clientFor(t, { host, caFile: certificates.ca })), BYTES.toString());
});

test("a private authority is trusted through the system's bundle", TLS_PROGRAMS, async (t) => {
  const { host, certificates } = await privateRegistry(t);
  setVariable(t, 'SSL_CERT_FILE', certificates.ca);
  assert.equal(await pushAndRead(clientFor(t, { host })), BYTES.toString());
});

test('a client certificate of certs.d is shown to a registry that demands one', TLS_PROGRAMS, async (t) => {
  const { host, certificates, certsDirectory } = await privateRegistry(t, { clientCertificates: true });
  const { ca, cert, key } = certificates;
  install(certsDirectory, { 'ca.crt': ca });
  await assert.rejects(pushAndRead(clientFor(t, { host, clock: fakeClock() })), {
    code: 'ERR_NETWORK',
    message: /reaching the registry failed: the connection was closed by the other side/,
  });
  install(certsDirectory, { 'client.cert': cert, 'client.key': key });
  assert.equal(await pushAndRead(clientFor(t, { host })), BYTES.toString());
});

/** Asks for tokens in front of a registry that has no login of its own; `needed` gives the scope of a request. */
async function guardWithTokens(t: TestContext, upstream: string, tokens: TokenServer): Promise<string> {
  const [hostname, port] = upstream.split(':');
  const server = createServer((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const needed = request.url === '/v2/' ? [] : ['repository:x/demo:pull,push'];
    if (!tokens.accepts(token, needed)) {
      const challenge = `Bearer realm="${tokens.realm}",service="test"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      request.resume();
      return;
    }
    const { method, url: path, headers } = request;
    const onward = httpRequest({ hostname, port, method, path, headers: { ...headers, authorization: '' } });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('one token of a token server serves a whole upload', needs('docker-registry'), async (t) => {
  const registry = await startDockerRegistry(t);
  const tokens = await startTokenServer(t, { user: { name: 'ada', password: 'secret' }, lifetime: 300 });
  const host = await guardWithTokens(t, registry.host, tokens);
  const credentials = authFileCredentials(dockerConfig(t, host, 'ada', 'secret'), {});
  assert.equal(await pushAndRead(clientFor(t, { host, credentials })), BYTES.toString());
  assert.deepEqual(tokens.requests, [
    { method: 'GET', scopes: ['repository:x/demo:pull,push'], user: 'ada' },
  ]);
});

test('tokens that live one second do not stop an upload', needs('docker-registry'), async (t) => {
  const registry = await startDockerRegistry(t);
  const tokens = await startTokenServer(t, { lifetime: 1 });
  const host = await guardWithTokens(t, registry.host, tokens);
  assert.equal(await pushAndRead(clientFor(t, { host })), BYTES.toString());
});
