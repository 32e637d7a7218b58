import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { NixpushError } from '../../../src/base/errors.ts';
import { RegistryClient, type RegistryRequest } from '../../../src/stores/registry/client.ts';

const REQUEST: RegistryRequest = { method: 'GET', path: '/v2/a', scopes: [], expect: [200], retry: 'never' };

/** An address of this machine that is not loopback: those are never reached through a proxy. */
const address = Object.values(networkInterfaces())
  .flat()
  .find((found) => found?.internal === false && found.family === 'IPv4')?.address;

async function listen(t: TestContext, server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers everything with the path and the length of the body. */
function echo(): Server {
  return createServer((request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => (length += chunk.length));
    request.on('end', () => response.end(`${request.url} ${length}`));
  });
}

function clientFor(t: TestContext, host: string, insecure = false): RegistryClient {
  const client = new RegistryClient({ host, insecure });
  t.after(() => client.close());
  return client;
}

test(
  'the proxy that the environment names is used',
  { skip: address === undefined && 'needs a network' },
  async (t) => {
    const port = await listen(t, echo(), '0.0.0.0');
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url!);
      const [hostname, target] = request.url!.split(':');
      const onward = connect(Number(target), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    const saved = process.env['http_proxy'];
    process.env['http_proxy'] = `http://127.0.0.1:${await listen(t, proxy, '127.0.0.1')}`;
    t.after(() => {
      if (saved === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = saved;
    });
    const { body } = await clientFor(t, `${address}:${port}`, true).request(REQUEST);
    assert.equal(Buffer.from(await body.bytes(100)).toString(), '/v2/a 0');
    assert.deepEqual([...new Set(asked)], [`${address}:${port}`]);
  },
);

test('a HEAD leaves its connection to the requests that follow', async (t) => {
  const server = echo();
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const client = clientFor(t, `127.0.0.1:${await listen(t, server, '127.0.0.1')}`);
  for (let n = 0; n < 10; n += 1) await (await client.request({ ...REQUEST, method: 'HEAD' })).body.dump();
  // One that tried TLS, and two that take turns: the last answer may still be on its way out of the first.
  assert.ok(connections <= 3, `${connections} connections`);
});

test('an error of what makes the body comes through as it is', async (t) => {
  const client = clientFor(t, `127.0.0.1:${await listen(t, echo(), '127.0.0.1')}`);
  const failure = new NixpushError('ERR_INTEGRITY', 'the source changed');
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('some');
    throw failure;
  };
  await assert.rejects(client.request({ ...REQUEST, method: 'PATCH', body }), (error) => error === failure);
});

test('the signal stops an upload, and what makes its body', async (t) => {
  const client = clientFor(t, `127.0.0.1:${await listen(t, echo(), '127.0.0.1')}`);
  const stop = new AbortController();
  let end: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const body = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (let count = 0; ; count += 1) {
        if (count === 10) stop.abort();
        yield Buffer.alloc(1000);
      }
    } finally {
      end();
    }
  };
  await assert.rejects(client.request({ ...REQUEST, method: 'PATCH', body, signal: stop.signal }), {
    code: 'ERR_ABORTED',
  });
  await ended;
});

test('an answer that does not begin in time is a network error', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/v2/') response.end();
  });
  const client = clientFor(t, `127.0.0.1:${await listen(t, server, '127.0.0.1')}`);
  await assert.rejects(client.request({ ...REQUEST, headersTimeoutMs: 1 }), {
    code: 'ERR_NETWORK',
    message: /: the GET request failed: no answer within the time limit/,
  });
});

test('an answer that breaks off is a network error', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/v2/') response.end();
    else {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
    }
  });
  const client = clientFor(t, `127.0.0.1:${await listen(t, server, '127.0.0.1')}`);
  const { body } = await client.request(REQUEST);
  await assert.rejects(body.bytes(1000), {
    code: 'ERR_NETWORK',
    message: /the GET request failed: the connection/,
  });
});
