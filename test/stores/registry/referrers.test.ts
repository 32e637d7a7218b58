import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { OCI_INDEX } from '../../../src/image/media-types.ts';
import { referrersTag } from '../../../src/image/referrer.ts';
import { personalities } from '../../../src/testing/index.ts';
import { putArtifact } from '../../support/artifacts.ts';
import { REPOSITORY, scene, storeAt } from '../../support/fault-registry.ts';
import { putSmallImage } from '../../support/small-image.ts';

const SBOM = 'application/spdx+json';

describe('referrers', () => {
  test('are those that the registry lists, on all pages', async (t) => {
    const { registry, store } = await scene(t, { referrersPerPage: 2 });
    const { descriptor: subject } = await putSmallImage(store, 'hello', '1');
    const digests: string[] = [];
    for (const text of ['a', 'b', 'c', 'd', 'e'])
      digests.push((await putArtifact(store, { type: SBOM, text, subject })).descriptor.digest);
    const listed = await store.listReferrers(subject.digest);
    assert.deepEqual(
      listed.map(({ digest }) => digest),
      digests,
    );
    assert.deepEqual(listed[0]!.artifactType, SBOM);
    assert.deepEqual(listed[0]!.annotations, { text: 'a' });
    assert.equal(registry.requests.filter(({ operation }) => operation === 'referrers').length, 3);
    assert.deepEqual([...registry.repository(REPOSITORY).tags.keys()], ['1']);
  });

  test('are kept in the tag of the tag schema where the registry does not list them', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    const { descriptor: subject } = await putSmallImage(store, 'hello', '1');
    const one = await putArtifact(store, { type: SBOM, text: 'a', subject });
    const two = await putArtifact(store, { type: 'application/vnd.example.signature', text: 'b', subject });
    await putArtifact(store, { type: SBOM, text: 'a', subject });
    const { tags, manifests } = registry.repository(REPOSITORY);
    const { bytes, mediaType } = manifests.get(tags.get(referrersTag(subject.digest))!)!;
    const entry = { annotations: { text: 'a' }, artifactType: SBOM };
    assert.equal(mediaType, OCI_INDEX);
    assert.deepEqual(JSON.parse(bytes.toString()), {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        { ...one.descriptor, ...entry },
        {
          ...two.descriptor,
          annotations: { text: 'b' },
          artifactType: 'application/vnd.example.signature',
        },
      ],
    });
    assert.deepEqual(
      (await store.listReferrers(subject.digest)).map(({ digest }) => digest),
      [one.descriptor.digest, two.descriptor.digest],
    );
  });

  test('that others put into the tag stay, with all that stands in it', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution3);
    const { descriptor: subject } = await putSmallImage(store, 'hello', '1');
    const first = await putArtifact(store, { type: SBOM, text: 'a', subject });
    const { tags, manifests } = registry.repository(REPOSITORY);
    const tag = referrersTag(subject.digest);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [{ ...first.descriptor, 'x-other': 1 }],
        annotations: { by: 'another' },
      }),
    );
    manifests.set(sha256(bytes), { mediaType: OCI_INDEX, bytes });
    tags.set(tag, sha256(bytes));
    const second = await putArtifact(store, { type: SBOM, text: 'b', subject });
    const now = JSON.parse(manifests.get(tags.get(tag)!)!.bytes.toString()) as Record<string, unknown>;
    assert.deepEqual(now['annotations'], { by: 'another' });
    assert.deepEqual((now['manifests'] as object[])[0], { ...first.descriptor, 'x-other': 1 });
    assert.equal((now['manifests'] as { digest: string }[])[1]!.digest, second.descriptor.digest);
  });

  test('of a manifest that nobody speaks of are none, with the API and without it', async (t) => {
    for (const quirks of [{}, personalities.distribution2]) {
      const { store } = await scene(t, quirks);
      assert.deepEqual(await store.listReferrers(sha256('x')), []);
    }
  });

  test('are looked for in the tag where the registry answers 200 to whatever it does not know', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    const { descriptor: subject } = await putSmallImage(store, 'hello', '1');
    await putArtifact(store, { type: SBOM, text: 'a', subject });
    registry.fault({ on: 'referrers', effect: { kind: 'answer', status: 200, body: '<html>' } });
    assert.equal((await store.listReferrers(subject.digest)).length, 1);
  });

  const broken: [string, string, RegExp][] = [
    ['is not JSON', '{', /is not JSON/],
    ['is no index', '{"manifests":{}}', /is no index/],
    ['names a digest that is none', '{"manifests":[{"mediaType":"a/b","digest":"x","size":1}]}', /digest/],
  ];
  for (const [what, body, message] of broken)
    test(`in a list that ${what} are refused`, async (t) => {
      const { registry, store } = await scene(t);
      const headers = { 'content-type': OCI_INDEX };
      registry.fault({ on: 'referrers', effect: { kind: 'answer', status: 200, headers, body } });
      await assert.rejects(store.listReferrers(sha256('x')), { message });
    });

  test('in a list that bites its own tail are refused', async (t) => {
    const { registry, store } = await scene(t);
    const headers = { 'content-type': OCI_INDEX, link: '<?n=1>; rel="next"' };
    registry.fault({
      on: 'referrers',
      times: 5,
      effect: { kind: 'answer', status: 200, headers, body: '{}' },
    });
    await assert.rejects(store.listReferrers(sha256('x')), { message: /has no end/ });
  });
});

describe('deleteManifest', () => {
  test('takes a tag away, and no other tag of its manifest', async (t) => {
    const { registry, store } = await scene(t);
    const { descriptor } = await putSmallImage(store, 'hello', '1', '2');
    await store.deleteManifest('1');
    const { tags, manifests } = registry.repository(REPOSITORY);
    assert.deepEqual([...tags.keys()], ['2']);
    assert.deepEqual([...manifests.keys()], [descriptor.digest]);
  });

  test('does so too where only digests are deleted, and leaves nothing of its own', async (t) => {
    for (const tagDeleteRefused of [400, 405] as const) {
      const { registry, store } = await scene(t, { tagDeleteRefused });
      const { descriptor } = await putSmallImage(store, 'hello', '1', '2');
      await store.deleteManifest('1');
      const { tags, manifests } = registry.repository(REPOSITORY);
      assert.deepEqual([...tags], [['2', descriptor.digest]]);
      assert.deepEqual([...manifests.keys()], [descriptor.digest]);
    }
  });

  test('takes a manifest away with all its tags', async (t) => {
    const { registry, store } = await scene(t);
    const { descriptor } = await putSmallImage(store, 'hello', '1', '2');
    await store.deleteManifest(descriptor.digest);
    const { tags, manifests } = registry.repository(REPOSITORY);
    assert.deepEqual([tags.size, manifests.size], [0, 0]);
  });

  test('takes a referrer off the list that clients keep', async (t) => {
    const { registry, store } = await scene(t, personalities.distribution2);
    const { descriptor: subject } = await putSmallImage(store, 'hello', '1');
    const [one, two] = [
      await putArtifact(store, { type: SBOM, text: 'a', subject }),
      await putArtifact(store, { type: SBOM, text: 'b', subject }),
    ];
    const listed = async (): Promise<string[]> =>
      (await store.listReferrers(subject.digest)).map(({ digest }) => digest);
    await store.deleteManifest(one.descriptor.digest);
    assert.deepEqual(await listed(), [two.descriptor.digest]);
    // As a client that knows nothing of the list would do it.
    registry.repository(REPOSITORY).manifests.delete(two.descriptor.digest);
    const three = await putArtifact(store, { type: SBOM, text: 'c', subject });
    assert.deepEqual(await listed(), [three.descriptor.digest]);
  });

  test('deletes what cannot be read', async (t) => {
    const { registry, store } = await scene(t);
    const bytes = Buffer.from('{"schemaVersion":1}');
    const { manifests } = registry.repository(REPOSITORY);
    manifests.set(sha256(bytes), { mediaType: OCI_INDEX, bytes });
    await store.deleteManifest(sha256(bytes));
    assert.equal(manifests.size, 0);
  });

  test('says so where the registry does not delete, and no tag has moved', async (t) => {
    const { registry, store } = await scene(t, { manifestDeleteRefused: 405 });
    const { descriptor } = await putSmallImage(store, 'hello', '1');
    for (const reference of ['1', descriptor.digest])
      await assert.rejects(store.deleteManifest(reference), {
        code: 'ERR_REGISTRY',
        message: `${store.name}: the registry does not delete`,
        hint: /REGISTRY_STORAGE_DELETE_ENABLED/,
      });
    assert.deepEqual([...registry.repository(REPOSITORY).tags], [['1', descriptor.digest]]);
  });

  test('of what is not there is not found', async (t) => {
    for (const quirks of [{}, personalities.distribution2]) {
      const { store } = await scene(t, quirks);
      await assert.rejects(store.deleteManifest('1'), { code: 'ERR_NOT_FOUND' });
      await assert.rejects(store.deleteManifest(sha256('x')), { code: 'ERR_NOT_FOUND' });
    }
  });

  test('asks for the right to delete', async (t) => {
    const { registry, store } = await scene(t);
    await putSmallImage(store, 'hello', '1');
    registry.quirks = { auth: { kind: 'bearer' } };
    await storeAt(t, registry.host).deleteManifest('1');
    const asked = registry.requests.findLast(({ operation }) => operation === 'token')!.path;
    assert.match(decodeURIComponent(asked), /scope=repository:x\/demo:pull,push,delete/);
  });
});
