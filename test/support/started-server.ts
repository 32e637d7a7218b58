import { spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/**
 * Starts a server that does not say when it listens, on the port that `args` is given. It ends with the test.
 * Gives its `127.0.0.1:PORT`.
 */
export async function startServer(
  test: Pick<TestContext, 'after'>,
  program: string,
  args: (port: number) => readonly string[],
): Promise<string> {
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: ['ignore', 'ignore', 'pipe'] });
  test.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const host = `127.0.0.1:${port}`;
  while (!(await answers(host))) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${said}`);
    await setTimeout(20);
  }
  return host;
}

async function answers(host: string): Promise<boolean> {
  return fetch(`http://${host}/v2/`).then(
    () => true,
    () => false,
  );
}
