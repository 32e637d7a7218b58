import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { wideExpression } from '../support/nix-closures.ts';
import { nixBuild, nixEnvironment, nixSettings, requisites } from '../support/nix.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Makes store paths out of Debian packages; lies beside the checkout in CI. */
const DEBCLOSURE = join(repoRoot, '..', 'shared', 'tools', 'debclosure');

describe('the diffIDs of a closure of more than 200 paths', () => {
  const real = existsSync(DEBCLOSURE) && (process.env['CI'] ?? process.env['NIXPUSH_BIG']) !== undefined;

  test('equal those of an independent writer', needs('nix', 'python3', 'busybox'), async (t) => {
    const root = real ? debianClosure(join(temporaryDirectory(t), 'result')) : nixBuild(wideExpression(210));
    assert.ok(requisites(root).length > 200);

    const layout = join(temporaryDirectory(t), 'layout');
    const pushed = await nixpush([root, '--to', `oci:${layout}`, '--compression', 'none', '--json'], {
      env: nixSettings,
    });
    assert.equal(pushed.status, 0, pushed.stderr);

    const { layers } = JSON.parse(pushed.stdout) as { layers: { paths: string[]; diffId: string }[] };
    const store = layers.filter(({ paths }) => paths.length > 0);
    assert.deepEqual(
      store.map(({ diffId }) => diffId),
      pythonDigests(store.map(({ paths }) => paths)),
    );
    assert.deepEqual(store.flatMap(({ paths }) => paths).sort(), requisites(root).sort());
  });
});

function debianClosure(link: string): string {
  const output = execFileSync('python3', [DEBCLOSURE, link, 'evince', 'imagemagick'], {
    env: nixEnvironment,
    encoding: 'utf8',
  });
  return output.trim();
}

function pythonDigests(layers: readonly (readonly string[])[]): string[] {
  const writer = join(repoRoot, 'test', 'support', 'python', 'tar_writer.py');
  const output = execFileSync('python3', [writer, '/nix/store', '/nix/store'], {
    input: layers.map((paths) => `${paths.join(' ')}\n`).join(''),
    encoding: 'utf8',
  });
  return output.trim().split('\n');
}
