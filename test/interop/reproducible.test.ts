import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { exampleDirectory, examplePushFrom } from '../support/example.ts';
import { nixpush, type RunOptions } from '../support/nixpush.ts';
import { needsNode } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

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
    for (const codec of ['gzip', 'zstd'])
      test(`has the same digest under Node ${major}, with ${codec}`, needsNode(node), async (t) => {
        const ours = await digestOf(t, ['--compression', codec], {});
        const theirs = await digestOf(t, ['--compression', codec], { node });
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
    cpSync(exampleDirectory, directory, { recursive: true, verbatimSymlinks: true });
    const layout = join(directory, 'layout');
    const pushed = await nixpush(
      [...examplePushFrom(directory), ...options, '--to', `oci:${layout}:latest`],
      runOptions,
    );
    assert.equal(pushed.status, 0, pushed.stderr);
    const digest = /@(sha256:[0-9a-f]{64})\n$/.exec(pushed.stdout)?.[1];
    assert.ok(digest !== undefined, pushed.stdout);
    return digest;
  } finally {
    process.umask(before);
  }
}
