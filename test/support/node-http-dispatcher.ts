// The modules as wholes: nock replaces their members.
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { Dispatcher } from 'undici';

/**
 * A dispatcher that sends what undici is asked to send through node:http, which is what nock can see.
 * For tests of dialogues only: no pools, no time-outs but the time until the headers.
 */
export class NodeHttpDispatcher extends Dispatcher {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(options.path, options.origin);
    const { request: send } = url.protocol === 'https:' ? https : http;
    const headers = options.headers as Record<string, string>;
    const request = send(url, { method: options.method, headers });
    let over = false;
    const fail = (error: Error): void => {
      if (over) return;
      over = true;
      request.destroy();
      handler.onError?.(error);
    };
    handler.onConnect?.((reason?: Error) => fail(reason ?? new Error('aborted')));
    if (over) return true;
    request.on('error', fail);
    request.on('response', (response) => {
      // undici's handlers take nothing more once they were told of an error.
      deliver(response, handler, fail, () => over);
    });
    sendBody(request, options.body, fail);
    return true;
  }

  override async close(): Promise<void> {}

  override async destroy(): Promise<void> {}
}

function deliver(
  response: IncomingMessage,
  handler: Dispatcher.DispatchHandler,
  fail: (error: Error) => void,
  isOver: () => boolean,
): void {
  if (isOver()) return;
  const headers = response.rawHeaders.map((text) => Buffer.from(text, 'latin1'));
  handler.onHeaders?.(response.statusCode!, headers, () => response.resume(), response.statusMessage ?? '');
  response.on('data', (chunk: Buffer) => {
    if (!isOver() && handler.onData?.(chunk) === false) response.pause();
  });
  response.on('end', () => {
    if (!isOver()) handler.onComplete?.([]);
  });
  response.on('error', fail);
}

function sendBody(request: ClientRequest, body: unknown, fail: (error: Error) => void): void {
  if (body === null || body === undefined) request.end();
  else if (body instanceof Uint8Array || typeof body === 'string') request.end(body);
  else
    Readable.from(body as AsyncIterable<Uint8Array>)
      .on('error', fail)
      .pipe(request);
}
