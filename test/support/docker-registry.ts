import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './temporary.ts';

export interface DockerRegistryOptions {
  /** `docker-registry` is Debian's distribution 2.8, `registry` the distribution 3 of scripts/setup-peers. */
  readonly program?: 'docker-registry' | 'registry';
  /** Who may come in, checked by htpasswd; default everybody. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Further lines of its configuration's `http:` section. */
  readonly http?: readonly string[];
  /** The `auth:` section, in place of `user`. */
  readonly auth?: readonly string[];
}

export interface DockerRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Its storage is below `data`. */
  readonly directory: string;
  /** Its access log so far, one request a line: `… "PUT /v2/…?digest=… HTTP/1.1" 201 …`. */
  readonly accessLog: readonly string[];
}

/** Starts a real distribution registry on a free port; it ends and its files go when the test is over. */
export async function startDockerRegistry(
  test: Pick<TestContext, 'after'>,
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const directory = temporaryDirectory(test);
  const auth = options.auth ?? (options.user === undefined ? [] : htpasswd(directory, options.user));
  const config = [
    'version: 0.1',
    'log: {level: info}',
    `storage: {filesystem: {rootdirectory: ${JSON.stringify(join(directory, 'data'))}}, delete: {enabled: true}}`,
    'http:',
    '  addr: 127.0.0.1:0',
    ...(options.http ?? []).map((line) => `  ${line}`),
    ...(auth.length === 0 ? [] : ['auth:', ...auth.map((line) => `  ${line}`)]),
  ];
  const file = join(directory, 'config.yml');
  writeFileSync(file, `${config.join('\n')}\n`);
  const program = options.program ?? 'docker-registry';
  const child = spawn(program, ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  test.after(() => child.kill('SIGKILL'));
  const accessLog: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => accessLog.push(line));
  return { host: await listeningAt(child), directory, accessLog };
}

/** It says where it listens, once it does. */
async function listeningAt(child: ChildProcess & { stderr: NodeJS.ReadableStream }): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    const match = /listening on (127\.0\.0\.1:\d+)/.exec(line);
    if (match !== null) {
      child.stderr.resume();
      return match[1]!;
    }
  }
  throw new Error(`docker-registry did not start:\n${lines.join('\n')}`);
}

function htpasswd(directory: string, user: { name: string; password: string }): string[] {
  const file = join(directory, 'htpasswd');
  const made = spawnSync('htpasswd', ['-Bbc', file, user.name, user.password]);
  if (made.status !== 0) throw new Error(`htpasswd failed: ${made.stderr.toString()}`);
  return [`htpasswd: {realm: test, path: ${JSON.stringify(file)}}`];
}
