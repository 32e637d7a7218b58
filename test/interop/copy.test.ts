import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { rawTar } from '../support/archives.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { examplePush } from '../support/example.ts';
import { madeBytes } from '../support/made-source.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs, needsRoot } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const run = promisify(execFile);
const CLI = join(import.meta.dirname, '../support/nixpush-cli.js');

/** Runs a pipeline in which `$nixpush` is the command line; all of it must succeed. */
async function shell(t: TestContext, pipeline: string): Promise<string> {
  const home = temporaryDirectory(t);
  const isolated = { HOME: home, XDG_CACHE_HOME: home, XDG_RUNTIME_DIR: home, DOCKER_CONFIG: home };
  const env = { ...process.env, ...isolated, nixpush: `${process.execPath} ${CLI}` };
  return (await run('bash', ['-o', 'pipefail', '-c', pipeline], { env })).stdout.trim();
}

/** Copies, and gives the reference that was printed. */
async function copied(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await nixpush(['copy', ...args, '--quiet']);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

function skopeo(...args: string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function diffIdsAt(place: string): string[] {
  const text = skopeo(
    'inspect',
    '--config',
    ...(place.startsWith('docker:') ? ['--tls-verify=false'] : []),
    place,
  );
  return (JSON.parse(text) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids;
}

function podmanIn(t: TestContext): string {
  const [root, runRoot] = [temporaryDirectory(t), temporaryDirectory(t)];
  return `podman --storage-driver vfs --root ${root} --runroot ${runRoot}`;
}

/** The example in an image layout, pushed there. */
async function exampleLayout(t: TestContext, tag: string): Promise<string> {
  const place = `oci:${temporaryDirectory(t)}/image:${tag}`;
  const { status, stderr } = await nixpush([...examplePush, '--to', place, '--quiet']);
  assert.equal(status, 0, stderr);
  return place;
}

describe(
  'an index of three platforms, two of them in an index of its own',
  needs('docker-registry', 'skopeo'),
  () => {
    test('arrives byte for byte, from layout to registry to registry to layout', async (t) => {
      const directory = temporaryDirectory(t);
      const layout = await openLayout(join(directory, 'a'), { create: true });
      const image = async (architecture: string, docker: boolean): Promise<Descriptor> => {
        const platform = { os: 'linux', architecture };
        const layers = [{ shared: 'shared' }, { [architecture]: madeBytes(300_000, architecture.length) }];
        return { ...(await putBaseImage(layout, { layers, platform, docker })).descriptor, platform };
      };
      const inner = await putIndex(layout, [await image('arm64', false), await image('s390x', false)]);
      const root = await putIndex(layout, [await image('amd64', true), inner.descriptor], '1');
      const [one, two] = [await startDockerRegistry(t), await startDockerRegistry(t)];

      const places = [`${one.host}/x/multi:1`, `${two.host}/y/multi:1`, `${two.host}/z/multi:1`];
      await copied(`oci:${directory}/a:1`, '--to', places[0]!);
      await copied(places[0]!, '--to', places[1]!);
      const back = await copied(places[1]!, '--to', places[2]!, '--to', `oci:${directory}/b:1`);
      assert.equal(back.endsWith(`oci:${directory}/b@${root.descriptor.digest}`), true, back);

      for (const place of places) {
        const raw = skopeo('inspect', '--raw', '--tls-verify=false', `docker://${place}`);
        assert.equal(sha256(raw), root.descriptor.digest);
        const repository = place.slice(0, place.lastIndexOf(':'));
        const innerRaw = skopeo(
          'inspect',
          '--raw',
          '--tls-verify=false',
          `docker://${repository}@${inner.descriptor.digest}`,
        );
        assert.equal(sha256(innerRaw), inner.descriptor.digest);
        // Reads and checks an image with its layers.
        skopeo('copy', '-q', '--src-tls-verify=false', `docker://${place}`, `dir:${directory}/checked`);
      }
    });
  },
);

describe('archives of others', () => {
  const script = join(repoRoot, 'test/support/python/docker_archive.py');

  for (const form of ['docker-old', 'docker-new', 'build-image', 'stream-layered'])
    test(
      `${form}: pushed from a file and through a pipe`,
      needs('python3', 'docker-registry', 'skopeo'),
      async (t) => {
        const directory = temporaryDirectory(t);
        const layers = ['one', 'two', 'one'].map((text, at) => {
          const file = join(directory, `layer-${at}`);
          writeFileSync(file, rawTar([{ name: `etc/${text}`, content: madeBytes(200_000, text.length) }]));
          return file;
        });
        const { host } = await startDockerRegistry(t);
        const write = `python3 ${script} ${form} hello:1.0 ${layers.join(' ')}`;
        const ids = await shell(t, `${write} 2>&1 > ${directory}/image.tar`);
        const [config, ...diffIds] = ids.split('\n');
        const fromFile = await copied(
          `docker-archive:${directory}/image.tar:hello:1.0`,
          '--to',
          `${host}/x/file`,
        );
        const fromPipe = await shell(
          t,
          `${write} 2>/dev/null | $nixpush copy docker-archive:- --to ${host}/x/pipe --quiet`,
        );
        assert.equal(fromPipe.replace('/pipe@', '/file@'), fromFile);
        const place = `docker://${fromFile}`;
        assert.deepEqual(diffIdsAt(place), diffIds);
        const manifest = JSON.parse(skopeo('inspect', '--raw', '--tls-verify=false', place)) as {
          config: Descriptor;
        };
        assert.equal(manifest.config.digest, config);
        // Unpacks the layers to check them against their diffIDs.
        skopeo('copy', '-q', '--src-tls-verify=false', place, `docker-archive:${directory}/checked.tar`);
      },
    );

  test('skopeo and podman save: plain, gzip and zstd', needsRoot('skopeo', 'podman', 'zstd'), async (t) => {
    const directory = temporaryDirectory(t);
    const place = await exampleLayout(t, '1');
    const podman = podmanIn(t);
    skopeo('copy', '-q', place, `docker-archive:${directory}/skopeo.tar:hello:1`);
    await shell(t, `${podman} load -q -i ${directory}/skopeo.tar`);
    await shell(t, `${podman} save -q -o ${directory}/podman.tar hello:1`);
    writeFileSync(`${directory}/skopeo.tar.gz`, gzipSync(readFileSync(`${directory}/skopeo.tar`)));
    execFileSync('zstd', ['-q', `${directory}/skopeo.tar`]);
    for (const name of ['skopeo.tar', 'podman.tar', 'skopeo.tar.gz', 'skopeo.tar.zst']) {
      await copied(`docker-archive:${directory}/${name}`, '--to', `oci:${directory}/${name}.image:1`);
      assert.deepEqual(diffIdsAt(`oci:${directory}/${name}.image:1`), diffIdsAt(place));
    }
  });
});

describe('archives of ours', () => {
  for (const compression of ['none', 'gzip', 'zstd'])
    test(
      `with layers of ${compression} are loaded by podman and copied by skopeo`,
      needsRoot('skopeo', 'podman'),
      async (t) => {
        const directory = temporaryDirectory(t);
        const file = join(directory, 'image.tar');
        const push = `$nixpush ${examplePush.join(' ')} --compression ${compression} --quiet`;
        await shell(t, `${push} --to docker-archive:${file}:me/hello:1 --to oci:${directory}/image:1`);
        const podman = podmanIn(t);
        const loaded = await shell(
          t,
          `${push} --to docker-archive:-:me/hello:1 2>/dev/null | ${podman} load -q`,
        );
        assert.match(loaded, /me\/hello:1$/);
        const diffIds = diffIdsAt(`oci:${directory}/image:1`);
        assert.deepEqual(
          JSON.parse(
            await shell(t, `${podman} inspect --format '{{json .RootFS.Layers}}' ${loaded.split(': ')[1]}`),
          ),
          diffIds,
        );
        for (const transport of ['docker-archive', 'oci-archive']) {
          skopeo('copy', '-q', `${transport}:${file}`, `oci:${directory}/${transport}:1`);
          assert.deepEqual(diffIdsAt(`oci:${directory}/${transport}:1`), diffIds);
        }
        execFileSync('tar', ['-xf', file, '-C', directory]);
        const manifest = skopeo('inspect', '--raw', `oci:${directory}/image:1`);
        assert.equal(
          readFileSync(join(directory, `blobs/sha256/${sha256(manifest).slice(7)}`), 'utf8'),
          manifest,
        );
      },
    );

  test('are the same for the same image', async (t) => {
    const place = await exampleLayout(t, '1');
    const [one, two] = [0, 1].map((at) => `${temporaryDirectory(t)}/${at}.tar`);
    for (const file of [one!, two!]) await copied(place, '--to', `docker-archive:${file}:hello:1`);
    assert.deepEqual(readFileSync(one!), readFileSync(two!));
  });

  test('go to stdout alone, the result to stderr', async (t) => {
    const place = await exampleLayout(t, '1');
    const lines = await shell(
      t,
      `$nixpush pull ${place} --to docker-archive:- 2>&1 >/dev/full || $nixpush pull ${place} --quiet --to docker-archive:- 2>&1 >/dev/null`,
    );
    const [failure, ...rest] = lines.split('\n').filter((line) => !line.startsWith('blob '));
    assert.match(failure!, /cannot write docker-archive:-: no space left/);
    assert.match(rest.join('\n'), /^docker-archive:-@sha256:[0-9a-f]{64}$/m);
  });
});
