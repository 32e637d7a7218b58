import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { examplePush } from '../support/example.ts';
import { nixpush } from '../support/nixpush.ts';
import { startOlareg } from '../support/olareg.ts';
import { needs } from '../support/peers.ts';

async function done(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await nixpush(args);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

async function crane(...args: string[]): Promise<string> {
  return (await promisify(execFile)('crane', [...args, '--insecure'])).stdout.trim();
}

/** An artifact about an image, put by regctl; gives its digest. */
async function attach(subject: string): Promise<string> {
  const host = subject.slice(0, subject.indexOf('/'));
  const type = ['--artifact-type', 'application/vnd.example', '--file', fileURLToPath(import.meta.url)];
  const args = ['--host', `reg=${host},tls=disabled`, 'artifact', 'put', ...type, '--subject', subject];
  const format = ['--format', '{{.Manifest.GetDescriptor.Digest}}'];
  return (await promisify(execFile)('regctl', [...args, ...format])).stdout.trim();
}

const REGISTRIES: Readonly<Record<string, (t: TestContext) => Promise<string>>> = {
  // It deletes by digest alone.
  'docker-registry': async (t) => (await startDockerRegistry(t)).host,
  registry: async (t) => (await startDockerRegistry(t, { program: 'registry' })).host,
  olareg: startOlareg,
};

describe('nixpush delete', () => {
  for (const [program, start] of Object.entries(REGISTRIES))
    test(`takes a tag from ${program}, and then the image`, needs(program, 'crane', 'regctl'), async (t) => {
      const repository = `${await start(t)}/x/demo`;
      const to = ['1', '2', '3'].flatMap((tag) => ['--to', `${repository}:${tag}`]);
      const [pushed] = (await done(...examplePush, ...to, '--quiet')).split('\n');
      const digest = pushed!.slice(pushed!.indexOf('@') + 1);

      await done('delete', `${repository}:1`, '--yes');
      assert.deepEqual((await crane('ls', repository)).split('\n').sort(), ['2', '3']);
      assert.equal(await crane('digest', `${repository}:2`), digest);
      await crane('validate', '--remote', `${repository}:2`);

      const sbom = await attach(`${repository}@${digest}`);
      await done('delete', `${repository}@${sbom}`, '--yes');
      // Where the registry has no Referrers API, nothing is left in the list that regctl keeps; one more can be added.
      await attach(`${repository}@${digest}`);
      await done('copy', `${repository}:2`, '--to', `${repository}-copy:2`, '--referrers', '--quiet');

      const said = await done('delete', `${repository}@${digest}`, '--yes');
      assert.equal(said, `deleted ${repository}@${digest} with the tags 2, 3`);
      assert.doesNotMatch(await done('tags', repository), /^[123]$/m);
      await assert.rejects(crane('digest', `${repository}@${digest}`));
    });
});
