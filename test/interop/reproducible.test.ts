import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { nixpush, type RunOptions } from '../support/nixpush.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const EXAMPLES = join(repoRoot, 'examples');

describe('the manifest of the same closure', () => {
  for (const codec of ['gzip', 'zstd', 'none']) {
    test(`has the same digest from two copies of the store, with ${codec}`, async (t) => {
      const here = await digestOf(t, ['--compression', codec], {
        env: { TZ: 'Asia/Kathmandu', LANG: 'C', LC_ALL: 'C' },
        umask: 0o077,
      });
      const there = await digestOf(t, ['--compression', codec, '--jobs', '1'], {
        env: { TZ: 'America/St_Johns', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
        umask: 0,
        deeper: 'some/where/else',
      });
      assert.equal(here, there);
    });
  }

  for (const major of [22, 24]) {
    const node = join(repoRoot, '.peers', `node-${major}`, 'bin', 'node');
    test(`has the same digest under Node ${major}, with zstd`, needsFile(node), async (t) => {
      const ours = await digestOf(t, ['--compression', 'zstd'], {});
      const theirs = await digestOf(t, ['--compression', 'zstd'], { node });
      assert.equal(theirs, ours);
    });
  }
});

interface Circumstances extends RunOptions {
  readonly umask?: number;
  /** Where the copy of the store lies, below a new directory. */
  readonly deeper?: string;
}

/** Pushes a copy of the example and gives the digest of the manifest. */
async function digestOf(
  t: TestContext,
  options: readonly string[],
  { umask, deeper = '.', ...runOptions }: Circumstances,
): Promise<string> {
  const before = process.umask(umask ?? process.umask());
  try {
    const directory = join(temporaryDirectory(t), deeper);
    mkdirSync(dirname(directory), { recursive: true });
    cpSync(EXAMPLES, directory, { recursive: true, verbatimSymlinks: true });
    const layout = join(directory, 'layout');
    const args = [helloPath(), '--store', 'store', '--closure', 'closure.json', '--platform', 'linux/amd64'];
    const pushed = await nixpush([...args, ...options, '--to', `oci:${layout}:latest`], {
      cwd: directory,
      ...runOptions,
    });
    assert.equal(pushed.status, 0, pushed.stderr);
    const digest = /@(sha256:[0-9a-f]{64})\n$/.exec(pushed.stdout)?.[1];
    assert.ok(digest !== undefined, pushed.stdout);
    return digest;
  } finally {
    process.umask(before);
  }
}

function helloPath(): string {
  const closure = JSON.parse(readFileSync(join(EXAMPLES, 'closure.json'), 'utf8')) as { path: string }[];
  const hello = closure.find(({ path }) => path.includes('-hello-nixpush-1'));
  assert.ok(hello);
  return hello.path;
}

function needsFile(file: string): { skip?: string } {
  if (existsSync(file)) return {};
  const reason = `needs ${file} (scripts/setup-peers fetches it)`;
  if (process.env['CI'] !== undefined) throw new Error(reason);
  return { skip: reason };
}
