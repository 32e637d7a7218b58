import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { sha256, type Digest } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { cosignTag } from '../support/artifacts.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { madeBytes } from '../support/made-source.ts';
import { nixpush } from '../support/nixpush.ts';
import { startOlareg } from '../support/olareg.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const exec = promisify(execFile);

type Ending = Pick<TestContext, 'after'>;

/** Two without Referrers API, one with it. */
const REGISTRIES: Readonly<Record<string, (t: Ending) => Promise<string>>> = {
  'docker-registry 2.8': async (t) => (await startDockerRegistry(t)).host,
  'distribution 3': async (t) => (await startDockerRegistry(t, { program: 'registry' })).host,
  olareg: startOlareg,
};

const hosts: Record<string, string> = {};

function regctl(args: readonly string[], input = ''): string {
  const known = Object.values(hosts).flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
  return execFileSync('regctl', [...known, ...args], { encoding: 'utf8', input }).trim();
}

async function output(program: string, ...args: string[]): Promise<string> {
  return (await exec(program, args)).stdout;
}

/** What regctl finds to be about a manifest, by the registry's API or by the tag schema. */
function listed(reference: string, ...options: string[]): string[] {
  const text = regctl(['artifact', 'list', reference, '--format', '{{json .}}', ...options]);
  const { descriptors } = JSON.parse(text) as { descriptors: Descriptor[] | null };
  return (descriptors ?? []).map(({ digest, artifactType }) => `${artifactType} ${digest}`).sort();
}

interface Made {
  readonly root: Descriptor;
  readonly nested: Descriptor;
  readonly images: readonly Descriptor[];
}

/** An index of three platforms, two of them in an index of its own. */
async function makeImage(directory: string): Promise<Made> {
  const layout = await openLayout(directory, { create: true });
  const image = async (architecture: string, docker: boolean): Promise<Descriptor> => {
    const platform = { os: 'linux', architecture };
    const layers = [{ shared: 'shared' }, { [architecture]: madeBytes(100_000, architecture.length) }];
    return { ...(await putBaseImage(layout, { layers, platform, docker })).descriptor, platform };
  };
  const images = [await image('amd64', true), await image('arm64', false), await image('s390x', false)];
  const nested = (await putIndex(layout, images.slice(1))).descriptor;
  return { root: (await putIndex(layout, [images[0]!, nested], '1')).descriptor, nested, images };
}

/** With regctl: an SBOM of an image, a signature on the SBOM, one on the index, and cosign's tags. */
function attach(repository: string, { root, images }: Made): void {
  const put = (type: string, text: string, ...args: string[]): Digest =>
    regctl(
      ['artifact', 'put', '--artifact-type', type, ...args, '--format', '{{.Manifest.GetDescriptor.Digest}}'],
      text,
    ) as Digest;
  const about = (type: string, subject: Digest): Digest =>
    put(type, `${type} of ${subject}`, '--subject', `${repository}@${subject}`);
  const sbom = about('application/spdx+json', images[1]!.digest);
  about('application/vnd.example.signature', sbom);
  about('application/vnd.example.signature', root.digest);
  for (const suffix of ['sig', 'att', 'sbom'])
    put(`application/vnd.example.${suffix}`, suffix, `${repository}:${cosignTag(root, suffix)}`);
  put('application/vnd.example.sig', 'signed', `${repository}:${cosignTag(images[0]!, 'sig')}`);
}

describe(
  'an index with signatures and SBOMs',
  needs('docker-registry', 'registry', 'olareg', 'skopeo', 'crane', 'regctl'),
  () => {
    let made: Made;
    let image: string;
    const endings: (() => unknown)[] = [];
    const ending: Ending = { after: (end) => void endings.push(end as () => unknown) };

    before(async () => {
      image = `oci:${join(temporaryDirectory(ending), 'image')}:1`;
      made = await makeImage(image.slice('oci:'.length, -':1'.length));
      for (const [name, start] of Object.entries(REGISTRIES)) {
        hosts[name] = await start(ending);
        const { status, stderr } = await nixpush(['copy', image, '--to', `${hosts[name]}/from:1`, '--quiet']);
        assert.equal(status, 0, stderr);
        attach(`${hosts[name]}/from`, made);
      }
    });
    after(async () => {
      for (const end of endings.reverse()) await end();
    });

    test('arrives in a layout, where regctl finds what is about it in index.json', async () => {
      const source = `${hosts['olareg']}/from`;
      const directory = join(temporaryDirectory(ending), 'layout');
      const { status, stderr } = await nixpush([
        'copy',
        `${source}:1`,
        '--to',
        `oci:${directory}:1`,
        '--referrers',
        '--quiet',
      ]);
      assert.equal(status, 0, stderr);
      const { root, images } = made;
      for (const { digest } of [root, images[1]!])
        assert.deepEqual(
          listed(`ocidir://${directory}@${digest}`, '--slow-referrers'),
          listed(`${source}@${digest}`),
        );
    });

    for (const from of Object.keys(REGISTRIES))
      for (const to of Object.keys(REGISTRIES))
        test(`arrives from ${from} at ${to}, all digests equal`, async () => {
          const source = `${hosts[from]}/from`;
          const repository = `${hosts[to]}/${from.replaceAll(/[ .]/g, '-')}`;
          const args = ['copy', `${source}:1`, '--to', `${repository}:1`, '--referrers', '--quiet'];
          const { status, stdout, stderr } = await nixpush(args);
          assert.equal(status, 0, stderr);
          assert.equal(stdout.trim(), `${repository}@${made.root.digest}`);

          const { root, nested, images } = made;
          for (const { digest } of [root, nested, ...images]) {
            const name = digest === root.digest ? `${repository}:1` : `${repository}@${digest}`;
            const raw = await output('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`);
            assert.equal(sha256(raw), digest);
            assert.equal((await output('crane', 'digest', '--insecure', name)).trim(), digest);
            assert.equal(await output('crane', 'manifest', '--insecure', name), raw);
            assert.equal(regctl(['manifest', 'head', name]), digest);
            assert.deepEqual(listed(`${repository}@${digest}`), listed(`${source}@${digest}`));
          }
          const [sbom] = listed(`${repository}@${images[1]!.digest}`);
          const sbomDigest = sbom!.split(' ')[1]!;
          assert.equal(listed(`${repository}@${root.digest}`).length, 1);
          assert.equal(listed(`${repository}@${sbomDigest}`).length, 1);
          assert.deepEqual(listed(`${repository}@${sbomDigest}`), listed(`${source}@${sbomDigest}`));

          const cosign = ['sig', 'att', 'sbom'].map((suffix) => cosignTag(root, suffix));
          for (const tag of [...cosign, cosignTag(images[0]!, 'sig')])
            assert.equal(
              await output('crane', 'digest', '--insecure', `${repository}:${tag}`),
              await output('crane', 'digest', '--insecure', `${source}:${tag}`),
            );
          // Reads and checks every blob of every image.
          await output('crane', 'validate', '--insecure', '--remote', `${repository}:1`);
        });
  },
);
