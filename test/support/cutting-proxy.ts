import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface CuttingProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Connections cut so far. */
  readonly cuts: number;
  /** Bytes that clients sent and that were passed on, heads of requests included. */
  readonly passed: number;
}

export interface Cuts {
  /** Once, after that many bytes that clients sent over all connections together. */
  readonly onceAfter?: number;
  /** Each connection, after that many bytes that the client sent. */
  readonly eachAfter?: number;
  /** Each connection that carries anything, after so many milliseconds. */
  readonly eachAfterMs?: number;
}

/** Passes connections on to `target` (`host:port`), and resets some of them. */
export async function startCuttingProxy(
  test: Pick<TestContext, 'after'>,
  target: string,
  { onceAfter = Number.POSITIVE_INFINITY, eachAfter = Number.POSITIVE_INFINITY, eachAfterMs }: Cuts = {},
): Promise<CuttingProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let cuts = 0;
  let passed = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let own = 0;
    if (eachAfterMs !== undefined) {
      const cut = setTimeout(() => {
        if (own > 0) cuts += 1;
        upstream.end();
        client.resetAndDestroy();
      }, eachAfterMs);
      client.on('close', () => clearTimeout(cut));
    }
    client.on('data', (piece) => {
      const left = Math.min(eachAfter - own, cuts === 0 ? onceAfter - passed : Number.POSITIVE_INFINITY);
      passed += piece.length;
      own += piece.length;
      if (piece.length < left) {
        if (!upstream.write(piece)) client.pause();
        return;
      }
      passed -= piece.length - left;
      cuts += 1;
      upstream.end(piece.subarray(0, left));
      client.resetAndDestroy();
    });
    upstream.on('drain', () => client.resume());
    upstream.pipe(client);
    client.on('close', () => upstream.end());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    get passed() {
      return passed;
    },
  };
}
