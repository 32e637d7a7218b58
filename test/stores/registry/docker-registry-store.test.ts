import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { NixpushError } from '../../../src/base/errors.ts';
import { makeManifest } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_LAYER } from '../../../src/image/media-types.ts';
import { bytesSource } from '../../../src/stores/bytes-source.ts';
import type { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import { startCuttingProxy } from '../../support/cutting-proxy.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { storeAt } from '../../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../../support/made-source.ts';
import { needs } from '../../support/peers.ts';

const MIB = 1024 * 1024;
const LAYER = madeBytes(12 * MIB + 345);
const POLICY = { chunkBytes: 2 * MIB, pieceBytes: 256 * 1024, monolithicBytes: MIB };

async function read(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function pushImage(store: RegistryStore, layer: Buffer, tags: string[]): Promise<string> {
  const pushed = await store.putBlob(new MadeSource(layer));
  const config = await store.putBlob(
    bytesSource(
      'config',
      Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
    ),
  );
  const manifest = makeManifest({
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
    layers: [{ mediaType: OCI_LAYER, digest: pushed.digest, size: pushed.size }],
  });
  await store.putManifest(manifest, tags);
  return manifest.descriptor.digest;
}

describe('a real docker-registry', needs('docker-registry'), () => {
  test('takes an image and gives it back', async (t) => {
    const { host } = await startDockerRegistry(t);
    const store = storeAt(t, host, POLICY);
    const digest = await pushImage(store, LAYER, ['one', 'two']);
    assert.equal((await store.headManifest('two'))!.digest, digest);
    const { bytes } = await store.getManifest(digest);
    assert.equal(sha256(bytes), digest);
    assert.deepEqual(await store.listTags(), ['one', 'two']);
    assert.deepEqual(await read(store.getBlob({ digest: sha256(LAYER), size: LAYER.length })), LAYER);
  });

  test('is not sent a second time what it has', async (t) => {
    const { host } = await startDockerRegistry(t);
    const store = storeAt(t, host, POLICY);
    await store.putBlob(new MadeSource(LAYER, { known: true }));
    const again = await store.putBlob(new MadeSource(LAYER, { known: true }));
    assert.deepEqual([again.outcome, again.sentBytes], ['exists', 0]);
  });

  test('mounts a blob from another repository', async (t) => {
    const { host } = await startDockerRegistry(t);
    const from = storeAt(t, host, POLICY, 'base/image');
    const to = storeAt(t, host, POLICY);
    const { digest, size } = await from.putBlob(new MadeSource(LAYER));
    assert.equal(await to.hasBlob({ digest, size }), false);
    assert.equal(await to.mountBlob({ digest, size }, from), true);
    assert.equal(await to.hasBlob({ digest, size }), true);
  });

  test('says which blob a manifest lacks', async (t) => {
    const { host } = await startDockerRegistry(t);
    const store = storeAt(t, host, POLICY);
    const config = await store.putBlob(bytesSource('config', Buffer.from('{}')));
    const manifest = makeManifest({
      config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
      layers: [{ mediaType: OCI_LAYER, digest: sha256('not there'), size: 9 }],
    });
    await assert.rejects(
      store.putManifest(manifest, ['latest']),
      (error) => error instanceof NixpushError && error.message.includes(sha256('not there')),
    );
    assert.equal(await store.headManifest('latest'), undefined);
  });

  test('gets a layer whole wherever the connection is cut', async (t) => {
    const { host } = await startDockerRegistry(t);
    for (let cut = 1; cut <= 12; cut += 1) {
      const layer = madeBytes(LAYER.length, cut);
      const proxy = await startCuttingProxy(t, host, { onceAfter: cut * MIB + (cut % 3) - 1 });
      const store = storeAt(t, proxy.host, POLICY, `cut/at${cut}`);
      const { digest, size } = await store.putBlob(new MadeSource(layer));
      assert.equal(proxy.cuts, 1);
      assert.deepEqual(await read(store.getBlob({ digest, size })), layer);
    }
  });

  test('gets a layer whole though every connection is cut after 3 MiB', async (t) => {
    const { host } = await startDockerRegistry(t);
    const proxy = await startCuttingProxy(t, host, { eachAfter: 3 * MIB });
    const store = storeAt(t, proxy.host, POLICY);
    const { digest, size } = await store.putBlob(new MadeSource(LAYER));
    assert.ok(proxy.cuts > 1);
    const direct = storeAt(t, host, POLICY);
    assert.deepEqual(await read(direct.getBlob({ digest, size })), LAYER);
  });

  test('holds an image that skopeo reads', needs('skopeo'), async (t) => {
    const { host } = await startDockerRegistry(t);
    const digest = await pushImage(storeAt(t, host, POLICY), LAYER, ['latest']);
    const { stdout, stderr } = spawnSync('skopeo', [
      'inspect',
      '--tls-verify=false',
      `docker://${host}/x/demo:latest`,
    ]);
    const { Digest, Layers } = JSON.parse(stdout.toString() || `"${stderr.toString()}"`) as {
      Digest: string;
      Layers: string[];
    };
    assert.deepEqual([Digest, Layers], [digest, [sha256(LAYER)]]);
  });
});
