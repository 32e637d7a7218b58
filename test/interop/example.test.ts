import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { examplePush } from '../support/example.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs, needsRoot } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('the example', () => {
  test('is what Nix and gcc make of its sources', needs('nix', 'gcc'), () => {
    const script = join(repoRoot, 'scripts', 'build-example.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, `${stdout}${stderr}`);
  });

  test('runs as an image, without any of this machine', needsRoot('umoci', 'chroot'), async (t) => {
    const directory = temporaryDirectory(t);
    const pushed = await nixpush([...examplePush, '--to', `oci:${directory}/layout:latest`]);
    assert.equal(pushed.status, 0, pushed.stderr);

    const bundle = join(directory, 'bundle');
    execFileSync('umoci', ['unpack', '--image', `${directory}/layout:latest`, bundle], { stdio: 'pipe' });
    const command = ['GREETING=de', 'chroot', join(bundle, 'rootfs'), '/bin/hello-nixpush', 'so', 'so'];
    assert.equal(
      execFileSync('env', command, { encoding: 'utf8' }),
      'Grüße aus einem Nix-Store-Pfad, der ohne Docker gepusht wurde.\nYou said: so so\n',
    );
  });
});
