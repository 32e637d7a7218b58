import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { describeTree } from '../support/file-tree.ts';
import { appExpression } from '../support/nix-closures.ts';
import { nixBuild, nixSettings, requisites } from '../support/nix.ts';
import { nixpush } from '../support/nixpush.ts';
import { needsRoot } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const peers = needsRoot('nix', 'busybox', 'docker-registry', 'skopeo', 'umoci', 'chroot');

describe('a closure built by Nix', peers, () => {
  let app = '';
  before(() => {
    app = nixBuild(appExpression());
  });

  for (const codec of ['gzip', 'zstd', 'none']) {
    test(`goes through docker-registry and skopeo with ${codec}, and runs`, async (t) => {
      const { host } = await startDockerRegistry(t);
      const image = `${host}/app:${codec}`;

      const pushed = await nixpush([app, '--to', image, '--compression', codec, '--env', 'WHO=tester'], {
        env: nixSettings,
      });
      assert.equal(pushed.status, 0, pushed.stderr);

      const seen = JSON.parse(run('skopeo', 'inspect', '--tls-verify=false', `docker://${image}`)) as {
        Digest: string;
        Layers: string[];
        Env: string[];
      };
      assert.equal(pushed.stdout, `${host}/app@${seen.Digest}\n`);
      assert.equal(seen.Layers.length, 5);
      assert.deepEqual(seen.Env, ['WHO=tester']);

      const root = unpack(t, image);
      for (const path of requisites(app))
        assert.deepEqual(describeTree(join(root, path)), describeTree(path));
      assert.equal(
        run('env', ...seen.Env, 'chroot', root, '/bin/app', 'one', 'two'),
        'hello from the store\narguments: one two; WHO=tester\n',
      );
    });
  }

  test('is started by its default command, with the environment asked for', async (t) => {
    const layout = join(temporaryDirectory(t), 'image');
    await nixpush([app, '--to', `oci:${layout}`], { env: nixSettings });
    const config = JSON.parse(run('skopeo', 'inspect', '--config', `oci:${layout}:latest`)) as {
      config: { Cmd: string[] };
    };
    assert.deepEqual(config.config.Cmd, ['/bin/app']);
  });
});

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The image's root directory, by way of skopeo and umoci, which reads no zstd. */
function unpack(t: TestContext, image: string): string {
  const directory = temporaryDirectory(t);
  const layout = join(directory, 'layout');
  mkdirSync(layout);
  const recompress = ['--dest-compress', '--dest-compress-format', 'gzip'];
  run(
    'skopeo',
    'copy',
    '--insecure-policy',
    '--src-tls-verify=false',
    ...recompress,
    `docker://${image}`,
    `oci:${layout}:app`,
  );
  run('umoci', 'unpack', '--image', `${layout}:app`, join(directory, 'bundle'));
  return join(directory, 'bundle', 'rootfs');
}
