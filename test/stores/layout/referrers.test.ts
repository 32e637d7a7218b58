import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { referrersTag } from '../../../src/image/referrer.ts';
import type { BlobId } from '../../../src/stores/image-store.ts';
import { openLayout, type LayoutStore } from '../../../src/stores/layout/layout-store.ts';
import { putArtifact } from '../../support/artifacts.ts';
import { putIndex } from '../../support/base-images.ts';
import { putSmallImage } from '../../support/small-image.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const SBOM = 'application/spdx+json';
const SIGNATURE = 'application/vnd.example.signature';

async function newLayout(t: TestContext): Promise<{ directory: string; store: LayoutStore }> {
  const directory = join(temporaryDirectory(t), 'layout');
  return { directory, store: await openLayout(directory, { create: true }) };
}

function blobsIn(directory: string): string[] {
  return readdirSync(join(directory, 'blobs/sha256')).map((hex) => `sha256:${hex}`);
}

function entriesIn(directory: string): number {
  const { manifests } = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as {
    manifests: object[];
  };
  return manifests.length;
}

describe('referrers in a layout', () => {
  test('are the manifests of index.json that refer to the subject', async (t) => {
    const { store } = await newLayout(t);
    const { descriptor: image } = await putSmallImage(store, 'hello', '1');
    const sbom = await putArtifact(store, { type: SBOM, text: 'a', subject: image });
    assert.equal((await store.listReferrers(image.digest)).length, 1);
    const signature = await putArtifact(store, { type: SIGNATURE, text: 'b', subject: sbom.descriptor });
    assert.deepEqual(await store.listReferrers(image.digest), [
      { ...sbom.descriptor, artifactType: SBOM, annotations: { text: 'a' } },
    ]);
    assert.deepEqual(
      (await store.listReferrers(sbom.descriptor.digest)).map(({ digest }) => digest),
      [signature.descriptor.digest],
    );
    assert.deepEqual(await store.listReferrers(signature.descriptor.digest), []);
  });

  test('are also those that other programs list in the tag of the tag schema', async (t) => {
    const { directory, store } = await newLayout(t);
    const { descriptor: image } = await putSmallImage(store, 'hello', '1');
    const sbom = await putArtifact(store, { type: SBOM, text: 'a', subject: image }, 'sbom');
    await putIndex(store, [sbom.descriptor], referrersTag(image.digest));
    const path = join(directory, 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as { manifests: { digest: string }[] };
    index.manifests = index.manifests.filter(({ digest }) => digest !== sbom.descriptor.digest);
    writeFileSync(path, JSON.stringify(index));
    assert.equal((await store.listReferrers(image.digest))[0]!.digest, sbom.descriptor.digest);
  });

  test('are not hidden by a manifest that cannot be read', async (t) => {
    const { directory, store } = await newLayout(t);
    const { descriptor: image } = await putSmallImage(store, 'hello', '1');
    const { descriptor: damaged } = await putSmallImage(store, 'another', '2');
    await putArtifact(store, { type: SBOM, text: 'a', subject: image });
    writeFileSync(join(directory, 'blobs', damaged.digest.replace(':', '/')), 'x');
    assert.equal((await store.listReferrers(image.digest)).length, 1);
  });
});

describe('a deletion from a layout', () => {
  test('of a tag leaves the image where it has another tag', async (t) => {
    const { directory, store } = await newLayout(t);
    await putSmallImage(store, 'hello', '1', '2');
    const before = blobsIn(directory);
    await store.deleteManifest('1');
    assert.deepEqual(await store.listTags(), ['2']);
    assert.deepEqual(blobsIn(directory), before);
  });

  test('of the last tag frees what no other image has', async (t) => {
    const { directory, store } = await newLayout(t);
    const { descriptor: one } = await putSmallImage(store, 'hello', '1');
    const kept = blobsIn(directory);
    const { descriptor: two } = await putSmallImage(store, 'other', '2');
    const index = await putIndex(store, [one, two], 'both');
    await store.deleteManifest('2');
    assert.equal(blobsIn(directory).length, 7);
    await store.deleteManifest('both');
    assert.deepEqual(blobsIn(directory).sort(), kept.sort());
    assert.equal(await store.headManifest(index.descriptor.digest), undefined);
    assert.equal((await store.getManifest('1')).descriptor.digest, one.digest);
  });

  test('by digest takes all tags, and what is about the image', async (t) => {
    const { directory, store } = await newLayout(t);
    const { descriptor: image } = await putSmallImage(store, 'hello', '1', '2');
    const sbom = await putArtifact(store, { type: SBOM, text: 'a', subject: image });
    await putArtifact(store, { type: SIGNATURE, text: 'b', subject: sbom.descriptor });
    await store.deleteManifest(image.digest);
    assert.equal(entriesIn(directory), 0);
    assert.deepEqual(blobsIn(directory), []);
  });

  test('keeps what is about the image if it has a tag of its own', async (t) => {
    const { store } = await newLayout(t);
    const { descriptor: image } = await putSmallImage(store, 'hello', '1');
    const sbom = await putArtifact(store, { type: SBOM, text: 'a', subject: image }, 'sbom');
    await store.deleteManifest('1');
    assert.equal((await store.getManifest('sbom')).descriptor.digest, sbom.descriptor.digest);
  });

  test('gives no blob up where something that stays cannot be read', async (t) => {
    const { directory, store } = await newLayout(t);
    const { descriptor: damaged } = await putSmallImage(store, 'hello', '1');
    await putSmallImage(store, 'other', '2');
    writeFileSync(join(directory, 'blobs', damaged.digest.replace(':', '/')), 'x');
    const before = blobsIn(directory);
    await store.deleteManifest('2');
    assert.deepEqual(await store.listTags(), ['1']);
    assert.deepEqual(blobsIn(directory), before);
  });

  test('of what is not there is not found', async (t) => {
    const { store } = await newLayout(t);
    await putSmallImage(store, 'hello', '1');
    for (const reference of ['2', sha256('x')])
      await assert.rejects(store.deleteManifest(reference), { code: 'ERR_NOT_FOUND', hint: 'It has 1.' });
  });
});

test('an image that counts on blobs which were deleted meanwhile gets no tag', async (t) => {
  const { directory, store } = await newLayout(t);
  const { descriptor, bytes } = await putSmallImage(store, 'hello', 'old');
  const pushing = await openLayout(directory);
  const { layers } = JSON.parse(Buffer.from(bytes).toString()) as { layers: BlobId[] };
  assert.equal(await pushing.hasBlob(layers[0]!), true);
  await store.deleteManifest('old');
  await assert.rejects(pushing.putManifest({ descriptor, bytes }, ['new']), {
    code: 'ERR_IO',
    message: /sha256:[0-9a-f]{64} is not there/,
    hint: /push again/,
  });
  assert.deepEqual(await store.listTags(), []);
});
