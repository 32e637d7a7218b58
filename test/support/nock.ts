import type { TestContext } from 'node:test';
import nock from 'nock';
import { NodeHttpDispatcher } from './node-http-dispatcher.ts';

/** nock, for one test: no request leaves the process, and at the end every expected one must have come. */
export function mockNetwork(test: Pick<TestContext, 'after'>): {
  nock: typeof nock;
  dispatcher: NodeHttpDispatcher;
} {
  nock.disableNetConnect();
  test.after(() => {
    const missing = nock.pendingMocks();
    nock.abortPendingRequests();
    nock.cleanAll();
    nock.enableNetConnect();
    if (missing.length > 0) throw new Error(`requests that never came: ${missing.join(', ')}`);
  });
  return { nock, dispatcher: new NodeHttpDispatcher() };
}
