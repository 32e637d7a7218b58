import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { makeConfig } from '../../src/image/config.ts';
import { DEFAULT_CREATED } from '../../src/image/created.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { storeLayerHistory } from '../../src/image/history.ts';
import { makeManifest } from '../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER } from '../../src/image/media-types.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { ImageStore, StoredManifest } from '../../src/stores/image-store.ts';
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { inspect, type InspectedImage } from '../../src/verbs/inspect.ts';
import { readConfig, storePathsIn } from '../../src/verbs/read/read-config.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PATHS = [
  '/nix/store/0dczwaqyb02ay7vx399ashww848y804z-hello',
  '/nix/store/fgj7yqw8cz276h30srg0fl9mi353wmmj-libc',
];

async function layoutFor(t: TestContext): Promise<{ store: ImageStore; reference: string }> {
  const directory = join(temporaryDirectory(t), 'image');
  const store = await openLayout(directory, { create: true });
  t.after(() => store.close());
  return { store, reference: `oci:${directory}` };
}

async function putBytes(store: ImageStore, mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
  const { digest, size } = await store.putBlob(bytesSource('test', bytes));
  return { mediaType, digest, size };
}

async function putImage(store: ImageStore, architecture: string, tags: string[]): Promise<StoredManifest> {
  const layer = await putBytes(store, OCI_LAYER, Buffer.from(`layer for ${architecture}`));
  const config = makeConfig({
    platform: { os: 'linux', architecture },
    created: DEFAULT_CREATED,
    config: { Cmd: ['/bin/hello'] },
    layers: [{ diffId: layer.digest, history: storeLayerHistory(PATHS, DEFAULT_CREATED) }],
  });
  const manifest = makeManifest({
    config: await putBytes(store, OCI_CONFIG, config),
    layers: [layer],
    annotations: { note: 'n' },
  });
  await store.putManifest(manifest, tags);
  return manifest;
}

async function putIndex(
  store: ImageStore,
  manifests: readonly StoredManifest[],
  architectures: string[],
): Promise<void> {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: manifests.map(({ descriptor }, index) => ({
        ...descriptor,
        platform: { os: 'linux', architecture: architectures[index] },
      })),
    }),
  );
  const descriptor = { mediaType: OCI_INDEX, digest: sha256(bytes), size: bytes.byteLength };
  await store.putManifest({ descriptor, bytes }, ['all']);
}

describe('inspect', () => {
  test('tells what manifest and config say, and the store paths of each layer', async (t) => {
    const { store, reference } = await layoutFor(t);
    const { descriptor } = await putImage(store, 'amd64', ['1.0']);
    const result = (await inspect(`${reference}:1.0`)) as InspectedImage;
    assert.equal(result.kind, 'image');
    assert.equal(result.reference, `${store.name}@${descriptor.digest}`);
    assert.equal(result.manifest.digest, descriptor.digest);
    assert.equal(result.platform, 'linux/amd64');
    assert.equal(result.created, DEFAULT_CREATED);
    assert.deepEqual(result.settings, { Cmd: ['/bin/hello'] });
    assert.deepEqual(result.annotations, { note: 'n' });
    assert.deepEqual(result.layers[0]?.paths, PATHS);
    assert.equal(result.layers[0]?.diffId, result.layers[0]?.descriptor.digest);
  });

  test('lists an index, or shows the image of one platform of it', async (t) => {
    const { store, reference } = await layoutFor(t);
    const images = [await putImage(store, 'amd64', ['a']), await putImage(store, 'arm64', ['b'])];
    await putIndex(store, images, ['amd64', 'arm64']);
    const index = await inspect(`${reference}:all`);
    assert.equal(index.kind === 'index' && index.manifests.length, 2);
    const image = await inspect(`${reference}:all`, { platform: 'linux/arm64' });
    assert.equal(image.kind === 'image' && image.platform, 'linux/arm64');
    await assert.rejects(inspect(`${reference}:all`, { platform: 'linux/s390x' }), {
      code: 'ERR_NOT_FOUND',
      hint: 'It has linux/amd64, linux/arm64.',
    });
  });

  test('refuses a platform that is none before anything is opened', async () => {
    await assert.rejects(inspect('oci:/nowhere', { platform: 'linux/x86_64' }), { code: 'ERR_USAGE' });
  });

  test('says that a tag is not there', async (t) => {
    const { store, reference } = await layoutFor(t);
    await putImage(store, 'amd64', ['1.0']);
    await assert.rejects(inspect(`${reference}:2.0`), { code: 'ERR_NOT_FOUND' });
  });
});

describe('a config of any origin', () => {
  test('is read as far as it has the right types', async (t) => {
    const { store } = await layoutFor(t);
    const json = {
      os: 'linux',
      created: 7,
      config: null,
      rootfs: { diff_ids: ['a', 1] },
      history: [{}, 'x'],
    };
    const bytes = Buffer.from(JSON.stringify(json));
    const descriptor = await putBytes(store, OCI_CONFIG, bytes);
    assert.deepEqual(await readConfig(store, descriptor, {}), {
      bytes,
      platform: undefined,
      created: undefined,
      author: undefined,
      settings: {},
      diffIds: ['a'],
      history: [{}],
    });
  });

  test('that is not JSON is an error, and one of an artifact is left alone', async (t) => {
    const { store } = await layoutFor(t);
    const broken = await putBytes(store, OCI_CONFIG, Buffer.from('{'));
    await assert.rejects(readConfig(store, broken, {}), { code: 'ERR_FORMAT' });
    assert.equal(
      await readConfig(store, { ...broken, mediaType: 'application/vnd.oci.empty.v1+json' }, {}),
      undefined,
    );
  });

  test('names store paths as dockerTools does, and the root layer names none', () => {
    assert.deepEqual(storePathsIn("store paths: ['/nix/store/a-b', '/nix/store/c-d']"), [
      '/nix/store/a-b',
      '/nix/store/c-d',
    ]);
    assert.deepEqual(storePathsIn("links at / to store paths: ['/nix/store/a-b']"), []);
    assert.deepEqual(storePathsIn(undefined), []);
  });
});
