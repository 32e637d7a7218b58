import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import { Readable } from 'node:stream';
import { Dispatcher } from 'undici';

/**
 * A dispatcher that sends what undici is asked to send through node:http, which is what nock can see.
 * For tests of dialogues only: no pools, no time-outs but the time until the headers.
 */
export class NodeHttpDispatcher extends Dispatcher {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(options.path, options.origin);
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    const headers = options.headers as Record<string, string>;
    const request = send(url, { method: options.method, headers });
    const fail = (error: Error): void => {
      request.destroy();
      handler.onError?.(error);
    };
    let failed = false;
    const failOnce = (error: Error): void => {
      if (failed) return;
      failed = true;
      fail(error);
    };
    handler.onConnect?.((reason?: Error) => failOnce(reason ?? new Error('aborted')));
    if (failed) return true;
    request.on('error', failOnce);
    request.on('response', (response) => {
      deliver(response, handler, failOnce);
    });
    sendBody(request, options.body, failOnce);
    return true;
  }

  override async close(): Promise<void> {}

  override async destroy(): Promise<void> {}
}

function deliver(
  response: IncomingMessage,
  handler: Dispatcher.DispatchHandler,
  fail: (error: Error) => void,
): void {
  const headers = response.rawHeaders.map((text) => Buffer.from(text, 'latin1'));
  handler.onHeaders?.(response.statusCode!, headers, () => response.resume(), response.statusMessage ?? '');
  response.on('data', (chunk: Buffer) => {
    if (handler.onData?.(chunk) === false) response.pause();
  });
  response.on('end', () => handler.onComplete?.(null));
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
