import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Run {
  /** Exit code; null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Over the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another Node to run it with. */
  readonly node?: string;
  /** What it reads on standard input; nothing if left out. */
  readonly input?: string;
}

/** bin/nixpush.js, to test what is shipped: it is put together in another way, and V8's code for it is kept. */
const SHIPPED = process.env['NIXPUSH_TEST_PROGRAM'];
const CLI = SHIPPED ?? join(import.meta.dirname, 'nixpush-cli.js');

/** Runs the command line in a process of its own, as a user does. */
export async function nixpush(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return startNixpush(args, options).finished;
}

/** The same, with the process at hand while it runs. Its home is new and empty: no credentials, nothing remembered. */
export function startNixpush(
  args: readonly string[],
  { cwd, env, node = process.execPath, input }: RunOptions = {},
): { readonly child: ChildProcess; readonly finished: Promise<Run> } {
  const home = mkdtempSync(join(tmpdir(), 'nixpush-home-'));
  const isolated = { HOME: home, XDG_CACHE_HOME: home, XDG_RUNTIME_DIR: home, DOCKER_CONFIG: home };
  if (SHIPPED !== undefined) keepCompiledCode(home);
  const child = spawn(node, [CLI, ...args], {
    cwd,
    env: { ...process.env, ...isolated, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may end without reading all of it.
  child.stdin.on('error', () => undefined).end(input);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const finished = new Promise<Run>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      rmSync(home, { recursive: true, force: true });
      resolve({ status, ...output });
    });
  });
  return { child, finished };
}

/** A cache is new and empty but for this, as it is from a user's second command on. */
function keepCompiledCode(cacheHome: string): void {
  const kept = join(tmpdir(), `nixpush-compiled-${process.geteuid?.()}`);
  mkdirSync(kept, { recursive: true, mode: 0o700 });
  mkdirSync(join(cacheHome, 'nixpush'), { mode: 0o700 });
  symlinkSync(kept, join(cacheHome, 'nixpush', 'compiled'));
}
