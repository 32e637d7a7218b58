import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { appExpression } from '../support/nix-closures.ts';
import { nixBuild, nixEnvironment, nixSettings, requisites } from '../support/nix.ts';
import { nixpush } from '../support/nixpush.ts';
import { needsRoot } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Config {
  config: { Cmd: string[]; Env?: string[] };
  rootfs: { diff_ids: string[] };
}

const peers = needsRoot('nix', 'busybox', 'python3', 'tar', 'skopeo', 'podman', 'umoci', 'chroot');

describe('./result of dockerTools.streamLayeredImage, in a store of Nix', peers, () => {
  let app = '';
  before(() => {
    app = nixBuild(appExpression());
  });

  test('becomes the image of its script: skopeo and podman take it, and it runs', async (t) => {
    const directory = temporaryDirectory(t);
    const { script, conf } = streamed(t, app);
    symlinkSync(script, join(directory, 'result'));
    const to = ['--to', 'oci:image', '--to', 'docker-archive:image.tar'];
    const pushed = await nixpush(to, { cwd: directory, env: nixSettings });
    assert.equal(pushed.status, 0, pushed.stderr);

    const image = `oci:${directory}/image:from-conf`;
    const config = JSON.parse(run('skopeo', 'inspect', '--config', image)) as Config;
    assert.deepEqual(config.rootfs.diff_ids, scripted(conf).rootfs.diff_ids);
    assert.deepEqual(config.config, scripted(conf).config);

    const podman = podmanIn(t);
    run(...podman, 'load', '-q', '-i', join(directory, 'image.tar'));
    const loaded = run(...podman, 'image', 'inspect', '--format', '{{json .RootFS.Layers}}', 'app:from-conf');
    assert.deepEqual(JSON.parse(loaded), config.rootfs.diff_ids);

    run('umoci', 'unpack', '--image', `${directory}/image:from-conf`, join(directory, 'bundle'));
    const root = join(directory, 'bundle/rootfs');
    assert.equal(
      run('env', 'WHO=you', 'chroot', root, '/bin/app', 'one'),
      'hello from the store\narguments: one; WHO=you\n',
    );
  });
});

/** What streamLayeredImage leaves in the store for an image with `app`. */
function streamed(t: TestContext, app: string): { script: string; conf: string } {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  symlinkSync(`${app}/bin/app`, join(root, 'bin/app'));
  const top = join(directory, 'app-customisation-layer');
  mkdirSync(top);
  const options = ['--sort', 'name', '--numeric-owner', '--mtime', '@315532800', '--hard-dereference'];
  run('tar', '-C', root, ...options, '-cf', join(top, 'layer.tar'), '.');
  const tar = readFileSync(join(top, 'layer.tar'));
  writeFileSync(join(top, 'checksum'), `${createHash('sha256').update(tar).digest('hex')}\n`);
  const paths = requisites(app);
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return added(join(directory, name));
  };
  const conf = file(
    'app-conf.json',
    JSON.stringify({
      architecture: 'amd64',
      variant: '',
      config: { Cmd: ['/bin/app'], Env: ['WHO=nobody'] },
      os: 'linux',
      store_dir: '/nix/store',
      from_image: null,
      store_layers: [paths.slice(0, 1), paths.slice(1)],
      customisation_layer: added(top),
      repo_tag: 'app:from-conf',
      created: '1970-01-01T00:00:01+00:00',
      mtime: '1970-01-01T00:00:01+00:00',
      uid: '0',
      gid: '0',
      uname: 'root',
      gname: 'root',
    }),
  );
  const program = `/nix/store/${'0'.repeat(32)}-stream`;
  return { conf, script: file('stream-app', `#! /bin/sh -e\nexec "${program}"  ${conf} "$@" \n`) };
}

function added(path: string): string {
  return execFileSync('nix-store', ['--add', path], { env: nixEnvironment, encoding: 'utf8' }).trim();
}

function scripted(conf: string): Config {
  const reader = join(repoRoot, 'test/support/python/streamed_image.py');
  return JSON.parse(run('python3', reader, conf, '')) as Config;
}

function podmanIn(t: TestContext): [string, ...string[]] {
  const [root, runRoot] = [temporaryDirectory(t), temporaryDirectory(t)];
  return ['podman', '--storage-driver', 'vfs', '--root', root, '--runroot', runRoot];
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
