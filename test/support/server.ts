import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface TestServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** All requests so far. */
  readonly requests: readonly IncomingMessage[];
}

/** Answers a request; what it does not answer gets 404. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server on 127.0.0.1 that ends with the test. With `tls` it is one over https. */
export async function startServer(
  test: Pick<TestContext, 'after'>,
  answer: Answer,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    request.resume();
    response.on('error', () => undefined);
    answer(request, response);
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Writes for as long as somebody reads. Returns how many bytes went out so far. */
export function writeForever(response: ServerResponse, piece: string): () => number {
  let written = 0;
  const more = (): void => {
    while (!response.destroyed) {
      written += piece.length;
      if (!response.write(piece)) break;
    }
  };
  response.on('drain', more);
  more();
  return () => written;
}
