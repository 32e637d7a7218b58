import type { TestContext } from 'node:test';
import { startServer } from './started-server.ts';
import { temporaryDirectory } from './temporary.ts';

/** Starts an olareg; it ends and its files go when the test is over. Gives its `127.0.0.1:PORT`. */
export async function startOlareg(test: Pick<TestContext, 'after'>): Promise<string> {
  const directory = temporaryDirectory(test);
  return startServer(test, 'olareg', (port) => [
    'serve',
    '--api-delete',
    '--addr',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    directory,
  ]);
}
