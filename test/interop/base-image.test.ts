import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { putBaseImage, type BaseFiles } from '../support/base-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { appExpression } from '../support/nix-closures.ts';
import { nixBuild, nixSettings } from '../support/nix.ts';
import { nixpush } from '../support/nixpush.ts';
import { needsRoot } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const peers = needsRoot('nix', 'busybox', 'docker-registry', 'skopeo', 'umoci', 'chroot');

/** `hostPlatform` may be anything; the tests run programs. */
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

const config = { Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'WHO=base', 'LANG=C.UTF-8'], Cmd: ['sh'] };

/** Merged /usr, several layers, a file taken away again. */
function debianLike(): BaseFiles[] {
  return [
    {
      'usr/': null,
      'usr/bin/': null,
      'usr/sbin/': null,
      'usr/lib/': null,
      'usr/share/': null,
      bin: { link: 'usr/bin' },
      sbin: { link: 'usr/sbin' },
      lib: { link: 'usr/lib' },
      'usr/bin/busybox': readFileSync('/bin/busybox'),
      'usr/bin/sh': { link: 'busybox' },
      'tmp/': { mode: 0o1777, content: null },
      'etc/': null,
      'etc/old': 'x',
    },
    { 'etc/os-release': 'ID=debian\n', 'etc/.wh.old': '' },
  ];
}

/** A /bin of its own. */
function alpineLike(): BaseFiles[] {
  return [
    {
      'bin/': null,
      'bin/busybox': readFileSync('/bin/busybox'),
      'bin/sh': { link: 'busybox' },
      'bin/cat': { link: 'busybox' },
      'etc/': null,
      'etc/os-release': 'ID=alpine\n',
      'tmp/': { mode: 0o1777, content: null },
      'usr/': null,
      'usr/share/': null,
    },
  ];
}

describe('a closure on a base image', peers, () => {
  let app = '';
  before(() => {
    app = nixBuild(appExpression());
  });

  for (const [name, files] of Object.entries({ debian: debianLike, alpine: alpineLike }))
    for (const format of ['oci', 'v2s2'])
      test(`${name}, ${format}: runs, pushed to the same registry and to another`, async (t) => {
        const [one, two] = [await startDockerRegistry(t), await startDockerRegistry(t)];
        const base = `${one.host}/base/${name}:12`;
        await pushBase(t, name, files(), format, base);

        const to = ['--to', `${one.host}/app:1`, '--to', `${two.host}/app:1`];
        const env = ['--env', 'WHO=tester', '--env', 'MORE=1'];
        const pushed = await nixpush([app, '--from', base, ...to, ...env], { env: nixSettings });
        assert.equal(pushed.status, 0, pushed.stderr);
        assert.match(
          pushed.stderr,
          /warning: --from .*:12 is sha256:[0-9a-f]{64} today; pin it with --from /,
        );
        assert.match(pushed.stderr, /layer 1\/\d  base  .*  mounted at /);
        assert.match(pushed.stderr, /layer 1\/\d  base  .*  pushed to /);

        const [digest] = /sha256:\S+/.exec(pushed.stdout)!;
        assert.equal(pushed.stdout, `${one.host}/app@${digest}\n${two.host}/app@${digest}\n`);
        for (const { host } of [one, two]) {
          const { root, image } = unpack(t, `docker://${host}/app:1`);
          assert.deepEqual(image.config, {
            Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'WHO=tester', 'LANG=C.UTF-8', 'MORE=1'],
            Cmd: ['/bin/app'],
          });
          const run = (...command: string[]): string =>
            execFileSync('env', ['-i', ...image.config.Env, '/usr/sbin/chroot', root, ...command], {
              encoding: 'utf8',
            });
          assert.equal(run('app', 'x'), 'hello from the store\narguments: x; WHO=tester\n');
          assert.equal(run('sh', '-c', 'busybox cat /etc/os-release'), `ID=${name}\n`);
          assert.equal(statSync(join(root, 'tmp')).mode & 0o7777, 0o1777);
          if (name === 'debian') {
            assert.equal(readlinkSync(join(root, 'bin')), 'usr/bin');
            assert.ok(lstatSync(join(root, 'usr/bin/app')).isSymbolicLink());
          }
        }
      });

  test('with nothing of the base on disk, and the same image from every kind of place', async (t) => {
    const { host } = await startDockerRegistry(t);
    const layout = await pushBase(t, 'debian', debianLike(), 'oci', `${host}/base:12`);
    const archive = join(temporaryDirectory(t), 'base.tar');
    run('skopeo', 'copy', '--insecure-policy', `oci:${layout}:12`, `docker-archive:${archive}:base:12`);
    const layers: unknown[] = [];
    for (const from of [`${host}/base:12`, `oci:${layout}:12`, `docker-archive:${archive}`]) {
      const plan = await nixpush([app, '--from', from, '--dry-run', '--json'], { env: nixSettings });
      assert.equal(plan.status, 0, plan.stderr);
      const { layers: planned } = JSON.parse(plan.stdout) as { layers: { base?: true; recipe?: string }[] };
      assert.deepEqual(
        planned.slice(0, 2).map((layer) => layer.base),
        [true, true],
      );
      layers.push(planned.slice(2));
    }
    assert.deepEqual(layers[1], layers[0]);
    assert.deepEqual(layers[2], layers[0]);
  });

  test('goes from an archive into a registry, and from a registry into an archive', async (t) => {
    const { host } = await startDockerRegistry(t);
    const layout = await pushBase(t, 'debian', debianLike(), 'oci', `${host}/base:12`);
    const directory = temporaryDirectory(t);
    const [base, made] = [join(directory, 'base.tar'), join(directory, 'made.tar')];
    run('skopeo', 'copy', '--insecure-policy', `oci:${layout}:12`, `docker-archive:${base}:base:12`);
    for (const [from, to] of [
      [`docker-archive:${base}`, `${host}/app:1`],
      [`${host}/base:12`, `docker-archive:${made}:app:1`],
    ] as const) {
      const pushed = await nixpush([app, '--from', from, '--to', to], { env: nixSettings });
      assert.equal(pushed.status, 0, pushed.stderr);
    }
    for (const image of [`docker://${host}/app:1`, `docker-archive:${made}`]) {
      const { root } = unpack(t, image);
      const said = execFileSync('/usr/sbin/chroot', [root, '/bin/app'], { encoding: 'utf8' });
      assert.match(said, /^hello from the store/);
      assert.equal(readlinkSync(join(root, 'bin')), 'usr/bin');
    }
  });

  test('of the wrong platform is refused with what there is', async (t) => {
    const { host } = await startDockerRegistry(t);
    await pushBase(t, 'alpine', alpineLike(), 'oci', `${host}/base:12`);
    const args = [app, '--from', `${host}/base:12`, '--platform', 'linux/s390x', '--to', `${host}/app`];
    const { status, stderr } = await nixpush(args, { env: nixSettings });
    assert.equal(status, 4, stderr);
    assert.match(stderr, new RegExp(`is for linux/${ARCHITECTURE}, not for linux/s390x`));
  });
});

/** Puts it into the registry by way of skopeo, and gives the layout it comes from. */
async function pushBase(
  t: TestContext,
  name: string,
  layers: BaseFiles[],
  format: string,
  image: string,
): Promise<string> {
  const layout = join(temporaryDirectory(t), name);
  const store = await openLayout(layout, { create: true });
  const platform = { os: 'linux', architecture: ARCHITECTURE };
  await putBaseImage(store, { layers, config, platform }, '12');
  run(
    'skopeo',
    'copy',
    '--insecure-policy',
    '--dest-tls-verify=false',
    '--format',
    format,
    `oci:${layout}:12`,
    `docker://${image}`,
  );
  return layout;
}

function unpack(t: TestContext, image: string): { root: string; image: { config: { Env: string[] } } } {
  const directory = temporaryDirectory(t);
  const layout = join(directory, 'layout');
  mkdirSync(layout);
  run('skopeo', 'copy', '--insecure-policy', '--src-tls-verify=false', image, `oci:${layout}:app`);
  const described = run('skopeo', 'inspect', '--config', `oci:${layout}:app`);
  run('umoci', 'unpack', '--image', `${layout}:app`, join(directory, 'bundle'));
  return {
    root: join(directory, 'bundle', 'rootfs'),
    image: JSON.parse(described) as { config: { Env: string[] } },
  };
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
