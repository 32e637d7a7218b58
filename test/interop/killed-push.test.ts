import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ClosureOnDisk } from '../support/closure-on-disk.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 2 ** 20;
const isLong = process.env['NIXPUSH_LONG_TESTS'] !== undefined;
const KILLS = Number(process.env['NIXPUSH_KILLS'] ?? (isLong ? 25 : 3));

/** Moments as numbers in [0, 1), the same in every run (Weyl's sequence: no two are close). */
function moments(count: number): number[] {
  return Array.from({ length: count }, (_, at) => ((at + 1) * 0.618_033_988_75) % 1);
}

const registries = [
  { name: 'distribution 2.8', program: 'docker-registry', keepsSessions: false },
  { name: 'distribution 3', program: 'registry', keepsSessions: true },
] as const;

describe(`a push to a real registry that is killed at ${KILLS} moments and started again`, () => {
  for (const { name, program, keepsSessions } of registries) {
    test(`ends well with ${name}, and sends no layer twice`, needs(program, 'crane'), async (t) => {
      const registry = await startDockerRegistry(t, { program });
      const closure = new ClosureOnDisk(t);
      for (const size of [6, 2, 1, 0.5]) closure.addNoise(`noise-${size}`, size * MIB);
      const whole = await startCuttingProxy(t, registry.host);
      const reference = await closure.push(`${whole.host}/whole:1`);
      assert.equal(reference.status, 0, reference.stderr);
      const [, digest] = reference.stdout.trim().split('@');

      let resent = 0;
      for (const [number, moment] of moments(KILLS).entries()) {
        const proxy = await startCuttingProxy(t, registry.host);
        const env = { XDG_CACHE_HOME: temporaryDirectory(t) };
        const to = `--to=${proxy.host}/killed${number}:1`;
        const { child, finished } = closure.start([to], env);
        while (child.exitCode === null && proxy.passed < moment * whole.passed) await setTimeout(1);
        child.kill('SIGKILL');
        await finished;

        const again = await closure.run([to], env);
        assert.equal(again.status, 0, again.stderr);
        assert.equal(again.stdout.trim().split('@')[1], digest);
        resent += proxy.passed - whole.passed;
      }
      t.diagnostic(`${(resent / KILLS / MIB).toFixed(1)} MiB were sent again for each kill`);
      // What was on its way when the process died is lost, on the connection or in the registry.
      if (keepsSessions) assert.ok(resent < KILLS * 2 * MIB, `${resent} bytes`);
      assertStoredOnce(registry.accessLog);
      for (let number = 0; number < KILLS; number += 1)
        await assertValid(`${registry.host}/killed${number}:1`);
    });
  }
});

/** Each final PUT that went well, of each repository. */
function assertStoredOnce(accessLog: readonly string[]): void {
  const stored = accessLog.flatMap((line) => {
    const [, repository, digest] =
      /"PUT \/v2\/(killed\d+)\/blobs\/.*digest=(sha256%3A[0-9a-f]+|sha256:[0-9a-f]+).*" 201 /.exec(line) ??
      [];
    return repository === undefined ? [] : [`${repository} ${digest}`];
  });
  assert.ok(stored.length >= KILLS * 4, `${stored.length} blobs stored`);
  assert.deepEqual(
    stored.filter((blob, at) => stored.indexOf(blob) !== at),
    [],
  );
}

/** Somebody else reads all of the image and checks its digests. */
async function assertValid(image: string): Promise<void> {
  await promisify(execFile)('crane', ['validate', '--insecure', '--remote', image]);
}
