import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Descriptor, Platform } from '../../src/image/descriptor.ts';
import type { EncodedManifest } from '../../src/image/manifest.ts';
import { OCI_INDEX } from '../../src/image/media-types.ts';
import { index, inspect } from '../../src/index.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { rawTar } from '../support/archives.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { madeBytes } from '../support/made-source.ts';
import { schemaErrors } from '../support/schemas.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const armv7 = { os: 'linux', architecture: 'arm', variant: 'v7' };

async function registry(t: Test): Promise<FaultRegistry> {
  const started = await startFaultRegistry();
  t.after(() => void started.stop());
  return started;
}

/** An image whose layers are one that all of them have and one of its own. */
async function put(place: string, platform: Platform, document: object = {}): Promise<EncodedManifest> {
  const reference = parseReference(place);
  const store = await openImageStore(reference, { create: true });
  const layers = [
    rawTar([{ name: 'shared', content: 'the same everywhere' }]),
    rawTar([{ name: platform.architecture, content: madeBytes(30_000) }]),
  ];
  const image = await putBaseImage(
    store,
    { layers, platform, document: { ...document } },
    ...(reference.tag === undefined ? [] : [reference.tag]),
  );
  await store.close();
  return image;
}

async function putAll(place: string, children: readonly Descriptor[], tag: string): Promise<EncodedManifest> {
  const store = await openImageStore(parseReference(place), { create: true });
  const root = await putIndex(store, children, tag);
  await store.close();
  return root;
}

function entriesOf(images: readonly Descriptor[]): unknown[] {
  return images.map(({ digest, platform }) => ({ digest, platform }));
}

suite('an index of images in one repository', () => {
  test('names their platforms as their configs do, and no layer is asked for', async (t) => {
    const home = await registry(t);
    const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2402' };
    const one = await put(`${home.host}/x/demo:amd64`, amd64);
    const two = await put(`${home.host}/x/demo:arm`, armv7);
    const three = await put(`${home.host}/x/demo:windows`, windows);
    home.requests.length = 0;
    const references = ['amd64', 'arm', 'windows'].map((tag) => `${home.host}/x/demo:${tag}`);
    const result = await index(references, { to: [`${home.host}/x/demo:1`, `${home.host}/x/demo:latest`] });
    assert.deepEqual(entriesOf(result.images), [
      { digest: one.descriptor.digest, platform: amd64 },
      { digest: two.descriptor.digest, platform: armv7 },
      { digest: three.descriptor.digest, platform: windows },
    ]);
    assert.equal(
      home.requests.some(({ operation }) => operation === 'blob-head' || operation === 'upload-start'),
      false,
    );
    const { tags, manifests } = home.repository('x/demo');
    assert.equal(tags.get('1'), result.manifest.digest);
    assert.equal(tags.get('latest'), result.manifest.digest);
    const { bytes, mediaType } = manifests.get(result.manifest.digest)!;
    assert.equal(mediaType, OCI_INDEX);
    assert.deepEqual(schemaErrors('image-index-schema', bytes), []);
  });

  test('has the same digest whenever the same images come in the same order, annotations included', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const directory = temporaryDirectory(t);
    for (const place of [`${home.host}/x/demo`, `${away.host}/y/other`, `oci:${directory}/images`])
      for (const platform of [amd64, arm64]) await put(`${place}:${platform.architecture}`, platform);
    const annotations = { b: '2', a: '1' };
    const one = await index([`${home.host}/x/demo:amd64`, `${away.host}/y/other:arm64`], {
      to: [`oci:${directory}/one`],
      annotations,
    });
    const two = await index([`oci:${directory}/images:amd64`, `oci:${directory}/images:arm64`], {
      to: [`oci:${directory}/two`],
      annotations: { a: '1', b: '2' },
    });
    assert.equal(one.manifest.digest, two.manifest.digest);
    const seen = await inspect(`oci:${directory}/one:latest`);
    assert.deepEqual(seen.annotations, annotations);
  });

  test('that is there already costs the destination one request', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    for (const platform of [amd64, arm64])
      await put(`${home.host}/x/demo:${platform.architecture}`, platform);
    const references = ['amd64', 'arm64'].map((tag) => `${home.host}/x/demo:${tag}`);
    await index(references, { to: [`${away.host}/x/demo:1`] });
    away.requests.length = 0;
    await index(references, { to: [`${away.host}/x/demo:1`] });
    assert.deepEqual(away.dialogue(), ['HEAD 200']);
  });
});

suite('an index of images from several places', () => {
  test('is whole where it goes: from two registries, a layout and an index', async (t) => {
    const [home, other, away] = [await registry(t), await registry(t), await registry(t)];
    const directory = temporaryDirectory(t);
    const s390x = { os: 'linux', architecture: 's390x' };
    await put(`${home.host}/x/demo:amd64`, amd64);
    const inner = await put(`${other.host}/y/demo`, arm64);
    const innermost = await put(`${other.host}/y/demo`, armv7);
    const nested = await putAll(
      `${other.host}/y/demo`,
      [{ ...innermost.descriptor, platform: armv7, annotations: { kept: 'yes' } }],
      'nested',
    );
    await putAll(
      `${other.host}/y/demo`,
      [{ ...inner.descriptor, platform: arm64 }, nested.descriptor],
      'both',
    );
    await put(`oci:${directory}/image:s390x`, s390x);
    const to = [`${away.host}/z/all:1`, `oci:${directory}/all:1`];
    const result = await index(
      [`${home.host}/x/demo:amd64`, `${other.host}/y/demo:both`, `oci:${directory}/image:s390x`],
      { to },
    );
    assert.deepEqual(
      result.images.map(({ platform }) => platform),
      [amd64, arm64, armv7, s390x],
    );
    assert.deepEqual(result.images[2]!.annotations, { kept: 'yes' });
    for (const place of to)
      for (const { platform } of result.images) {
        const wanted = `${platform!.os}/${platform!.architecture}`;
        const image = await inspect(place, { platform: wanted });
        assert.equal(image.kind, 'image');
      }
    // A layer that all images have is one blob.
    assert.equal(away.repository('z/all').blobs.size, 1 + 4 + 4);
    const { manifests } = JSON.parse(readFileSync(join(directory, 'all/index.json'), 'utf8')) as {
      manifests: Descriptor[];
    };
    assert.deepEqual(
      manifests.map(({ digest }) => digest),
      [result.manifest.digest],
    );
  });

  test('takes layers over within a registry without moving them', async (t) => {
    const home = await registry(t);
    await put(`${home.host}/x/one:1`, amd64);
    await put(`${home.host}/x/two:1`, arm64);
    home.requests.length = 0;
    const { destinations } = await index([`${home.host}/x/one:1`, `${home.host}/x/two:1`], {
      to: [`${home.host}/x/both:1`],
    });
    assert.equal(destinations[0]!.sentBytes, 0);
    assert.equal(
      home.requests.some(({ operation }) => operation === 'upload-start'),
      false,
    );
  });

  test('leaves no tag behind if an image cannot be copied', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    await put(`${home.host}/x/demo:amd64`, amd64);
    await put(`${home.host}/x/demo:arm64`, arm64);
    away.fault({
      on: 'manifest-put',
      nth: 2,
      times: 100,
      effect: { kind: 'answer', status: 403, code: 'DENIED' },
    });
    const references = ['amd64', 'arm64'].map((tag) => `${home.host}/x/demo:${tag}`);
    await assert.rejects(index(references, { to: [`${away.host}/x/demo:1`] }), { code: 'ERR_DENIED' });
    assert.equal(away.repository('x/demo').tags.size, 0);
  });
});

suite('a source that lies never produces a tag', () => {
  for (const what of ['manifest', 'blob'] as const)
    test(`by another ${what} than its digest says`, async (t) => {
      const [home, away] = [await registry(t), await registry(t)];
      const one = await put(`${home.host}/x/demo`, amd64);
      const children = [{ ...one.descriptor, platform: amd64 }];
      await putAll(`${home.host}/x/demo`, children, 'all');
      const { manifests, blobs } = home.repository('x/demo');
      if (what === 'manifest') {
        const held = manifests.get(one.descriptor.digest)!;
        manifests.set(one.descriptor.digest, { ...held, bytes: Buffer.from(`${held.bytes.toString()} `) });
      } else {
        const [digest, bytes] = [...blobs].at(-1)!;
        blobs.set(digest, Buffer.alloc(bytes.length, 'x'));
      }
      await assert.rejects(index([`${home.host}/x/demo:all`], { to: [`${away.host}/x/demo:1`] }), {
        code: 'ERR_INTEGRITY',
      });
      assert.equal(away.repository('x/demo').tags.size, 0);
    });
});

suite('an index is refused', () => {
  test('of two images for one platform, both named', async (t) => {
    const directory = temporaryDirectory(t);
    const one = await put(`oci:${directory}/image:one`, arm64);
    const two = await put(`oci:${directory}/image:two`, { ...arm64, variant: 'v8' });
    const place = `oci:${directory}/image`;
    await assert.rejects(index([`${place}:one`, `${place}:two`], { to: [`oci:${directory}/index`] }), {
      code: 'ERR_USAGE',
      message: `two images are for linux/arm64/v8: ${place}:one (${one.descriptor.digest}) and ${place}:two (${two.descriptor.digest})`,
    });
  });

  test('but not of the same image twice', async (t) => {
    const directory = temporaryDirectory(t);
    await put(`oci:${directory}/image:one`, arm64);
    const place = `oci:${directory}/image:one`;
    const { images } = await index([place, place], { to: [`oci:${directory}/index`] });
    assert.equal(images.length, 1);
  });

  test('of an image that does not say what it is for', async (t) => {
    const directory = temporaryDirectory(t);
    await put(`oci:${directory}/image:one`, amd64, { os: undefined, architecture: undefined });
    await assert.rejects(index([`oci:${directory}/image:one`], { to: [`oci:${directory}/index`] }), {
      code: 'ERR_FORMAT',
      message: /does not say which platform it is for$/,
    });
  });

  test('of more images than any index has, before they are asked for', async (t) => {
    const home = await registry(t);
    const { descriptor } = await put(`${home.host}/x/demo`, amd64);
    const many = Array.from({ length: 1001 }, () => descriptor);
    await putAll(`${home.host}/x/demo`, many, 'many');
    home.requests.length = 0;
    const directory = temporaryDirectory(t);
    await assert.rejects(index([`${home.host}/x/demo:many`], { to: [`oci:${directory}/index`] }), {
      code: 'ERR_FORMAT',
      message: `the index of ${home.host}/x/demo has too many images in it`,
    });
    assert.deepEqual(home.dialogue(), ['GET 200']);
  });

  test('into an archive, which has room for one image', async () => {
    await assert.rejects(index(['x:1'], { to: ['docker-archive:file'] }), {
      code: 'ERR_USAGE',
      message: 'docker-archive:file can hold one image, not an index',
    });
  });
});

test('attestations stay beside their images, however many there are', async (t) => {
  const directory = temporaryDirectory(t);
  const place = `oci:${directory}/images`;
  const unknown = { os: 'unknown', architecture: 'unknown' };
  for (const [at, platform] of [amd64, arm64].entries()) {
    const image = { ...(await put(place, platform)).descriptor, platform };
    const statement = (await put(place, { ...unknown, variant: `v${at}` })).descriptor;
    const annotations = { 'vnd.docker.reference.digest': image.digest };
    await putAll(place, [image, { ...statement, platform: unknown, annotations }], platform.architecture);
  }
  const { images } = await index([`${place}:amd64`, `${place}:arm64`], { to: [`oci:${directory}/both`] });
  assert.deepEqual(
    images.map(({ platform }) => platform?.os),
    ['linux', 'unknown', 'linux', 'unknown'],
  );
  assert.equal(images[3]!.annotations?.['vnd.docker.reference.digest'], images[2]!.digest);
});
