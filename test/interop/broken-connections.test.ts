import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { BlobId } from '../../src/stores/image-store.ts';
import type { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { REPOSITORY, storeAt } from '../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../support/made-source.ts';
import { startNginx } from '../support/nginx.ts';
import { startOlareg } from '../support/olareg.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 2 ** 20;
/** `npm run test:long` takes the sizes that people push. */
const isLong = process.env['NIXPUSH_LONG_TESTS'] !== undefined;
const LAYER = madeBytes(Number(process.env['NIXPUSH_CUT_LAYER_MIB'] ?? 40) * MIB);
const LARGE_LAYER = isLong ? madeBytes(200 * MIB) : LAYER;
/** Between two cuts where each costs a push of its own. */
const STEP = Number(process.env['NIXPUSH_CUT_STEP_MIB'] ?? (isLong ? 2 : 10)) * MIB;
const CHUNK = 16 * MIB;
const POLICY = { chunkBytes: CHUNK, pieceBytes: 256 * 1024, monolithicBytes: MIB };

interface Registry {
  readonly name: string;
  readonly program: string;
  readonly start: (t: TestContext) => Promise<string>;
}

const distribution2: Registry = {
  name: 'distribution 2.8',
  program: 'docker-registry',
  start: async (t) => (await startDockerRegistry(t)).host,
};
const distribution3: Registry = {
  name: 'distribution 3',
  program: 'registry',
  start: async (t) => (await startDockerRegistry(t, { program: 'registry' })).host,
};
const olareg: Registry = { name: 'olareg', program: 'olareg', start: startOlareg };

/** What the registry gives back, read past all proxies. */
async function assertHolds(t: TestContext, host: string, id: BlobId, repository?: string): Promise<void> {
  const store: RegistryStore = storeAt(t, host, {}, repository);
  const hash = createHash('sha256');
  for await (const piece of store.getBlob(id)) hash.update(piece);
  assert.equal(`sha256:${hash.digest('hex')}`, id.digest);
}

describe('a layer whose connection is cut after each MiB', () => {
  for (const { name, program, start } of [distribution3, olareg]) {
    test(`gets to ${name} in one push, and each cut costs a chunk at most`, needs(program), async (t) => {
      const host = await start(t);
      const proxy = await startCuttingProxy(t, host, { eachAfter: MIB });
      const source = new MadeSource(LARGE_LAYER, { pieceBytes: 300_000 });
      const result = await storeAt(t, proxy.host, POLICY).putBlob(source);
      await assertHolds(t, host, result);
      assert.ok(proxy.cuts >= LARGE_LAYER.length / MIB - 1, `${proxy.cuts} cuts`);
      const again = result.sentBytes - result.size;
      assert.ok(again > 0 && again <= proxy.cuts * CHUNK, `${again} bytes for ${proxy.cuts} cuts`);
      t.diagnostic(`${proxy.cuts} cuts, ${again} bytes sent again, ${proxy.passed - result.size} arrived`);
    });
  }
});

describe('a layer whose connection is cut once', () => {
  for (const { name, program, start } of [distribution2, distribution3, olareg]) {
    test(`gets to ${name}, wherever that was`, needs(program), async (t) => {
      const host = await start(t);
      for (let cut = STEP; cut < LAYER.length; cut += STEP) {
        const proxy = await startCuttingProxy(t, host, { onceAfter: cut });
        const repository = `cut/at${cut}`;
        const source = new MadeSource(LAYER, { pieceBytes: 300_000 });
        const result = await storeAt(t, proxy.host, POLICY, repository).putBlob(source);
        await assertHolds(t, host, result, repository);
        assert.equal(proxy.cuts, 1);
        const again = result.sentBytes - result.size;
        // Distribution 2 forgets a session whose body broke off.
        const most = name === distribution2.name ? cut + 16 * MIB : CHUNK;
        assert.ok(again > 0 && again <= most, `${again} bytes for the cut at ${cut}`);
      }
    });
  }
});

describe('a proxy that ends each connection after a while', () => {
  for (const { name, program, start } of [distribution2, distribution3, olareg]) {
    test(`does not keep a layer from ${name}`, needs(program), async (t) => {
      const host = await start(t);
      const proxy = await startCuttingProxy(t, host, { eachAfterMs: 400 });
      // It takes five times as long to make the layer as a connection lives.
      const source = new MadeSource(LAYER.subarray(0, 20 * MIB), {
        pieceBytes: MIB,
        onPiece: async () => setTimeout(100),
      });
      const result = await storeAt(t, proxy.host, POLICY).putBlob(source);
      await assertHolds(t, host, result);
      assert.ok(proxy.cuts >= 1);
    });
  }
});

describe('nginx before a registry', needs('nginx', 'docker-registry'), () => {
  test('with a limit for bodies is found out once, for all layers and pushes to come', async (t) => {
    const registry = await startDockerRegistry(t);
    const host = await startNginx(t, [
      'client_max_body_size 2m;',
      `location / { proxy_pass http://${registry.host}; }`,
    ]);
    const cacheDirectory = temporaryDirectory(t);
    for (const seed of [1, 2]) {
      const before = registry.accessLog.length;
      const store = storeAt(t, host, POLICY, REPOSITORY, cacheDirectory);
      const result = await store.putBlob(new MadeSource(madeBytes(10 * MIB + seed, seed)));
      await assertHolds(t, registry.host, result);
      const started = registry.accessLog.slice(before).filter((line) => line.includes('"POST '));
      if (seed === 2) assert.equal(started.length, 1, started.join('\n'));
    }
  });

  test('under a path of its own is a prefix of the repository', async (t) => {
    const registry = await startDockerRegistry(t);
    const host = await startNginx(t, [
      'client_max_body_size 0;',
      `location = /v2/ { proxy_pass http://${registry.host}; }`,
      `location /v2/team/ { proxy_pass http://${registry.host}/v2/; proxy_redirect ~^(?:http://[^/]+)?/v2/(.*)$ /v2/team/$1; }`,
    ]);
    const source = new MadeSource(madeBytes(10 * MIB));
    const result = await storeAt(t, host, POLICY, 'team/x/demo').putBlob(source);
    await assertHolds(t, registry.host, result, 'x/demo');
  });
});
