import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { digest, tags } from '../../src/index.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import { deleteImage, type Deletion } from '../../src/verbs/delete-image.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { putSmallImage } from '../support/small-image.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function registry(t: TestContext, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const started = await startFaultRegistry(quirks);
  t.after(() => started.stop());
  return started;
}

async function withStore<Result>(
  place: string,
  work: (store: ImageStore) => Promise<Result>,
): Promise<Result> {
  const store = await openImageStore(parseReference(place), { create: true });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const put = (place: string, text: string, ...names: string[]): Promise<string> =>
  withStore(place, async (store) => (await putSmallImage(store, text, ...names)).descriptor.digest);

/** A repository of a registry, and a layout. */
async function places(t: TestContext): Promise<string[]> {
  return [`${(await registry(t)).host}/x/demo`, `oci:${temporaryDirectory(t)}/image`];
}

describe('tags', () => {
  test('are listed in natural order, from all pages', async (t) => {
    const home = await registry(t, { tagsPerPage: 2 });
    for (const place of [`${home.host}/x/demo`, `oci:${temporaryDirectory(t)}/image`]) {
      await put(place, 'hello', 'latest', '1.10', '1.9', '10', 'v2', 'V1');
      assert.deepEqual(await tags(place), {
        repository: place,
        tags: ['1.9', '1.10', '10', 'latest', 'V1', 'v2'],
      });
    }
  });

  test('of one tag, or of nothing, are none to list', async (t) => {
    const home = await registry(t);
    for (const wrong of [`${home.host}/x/demo:1`, 'oci:image:1', 'docker-archive:x.tar:hello:1'])
      await assert.rejects(tags(wrong), { code: 'ERR_USAGE', message: /names one image/ });
    await assert.rejects(tags(`oci:${temporaryDirectory(t)}/none`), { code: 'ERR_NOT_FOUND' });
    assert.deepEqual(home.requests, []);
  });
});

describe('a digest', () => {
  test('takes one request, and is that of the index', async (t) => {
    const home = await registry(t);
    const place = `${home.host}/x/demo`;
    const made = await put(place, 'hello', '1');
    home.requests.length = 0;
    const found = await digest(`${place}:1`);
    assert.deepEqual(home.dialogue(), ['HEAD 200']);
    assert.equal(found.reference, `${place}@${made}`);
    assert.equal(found.manifest.digest, made);
  });

  test('of one platform is that of its image, nested ones too', async (t) => {
    for (const place of await places(t)) {
      const [arm, root] = await withStore(place, async (store) => {
        const spec = { layers: [{ a: 'a' }], platform: { os: 'linux', architecture: 'arm64' } };
        const { descriptor } = await putBaseImage(store, spec);
        const inner = await putIndex(store, [{ ...descriptor, platform: spec.platform }]);
        return [descriptor, (await putIndex(store, [inner.descriptor], 'multi')).descriptor] as const;
      });
      assert.equal((await digest(`${place}:multi`)).manifest.digest, root.digest);
      assert.deepEqual((await digest(`${place}:multi`, { platform: 'linux/arm64' })).manifest, arm);
      await assert.rejects(digest(`${place}:multi`, { platform: 'linux/s390x' }), {
        code: 'ERR_NOT_FOUND',
        hint: 'It has linux/arm64.',
      });
    }
  });

  test('of what is not there is not found', async (t) => {
    for (const place of await places(t)) {
      await put(place, 'hello', '1');
      await assert.rejects(digest(`${place}:2`), { code: 'ERR_NOT_FOUND' });
    }
  });
});

describe('a deletion', () => {
  test('of a tag leaves the other tags', async (t) => {
    for (const place of await places(t)) {
      const made = await put(place, 'hello', '1', '2');
      const asked: Deletion[] = [];
      const result = await deleteImage(`${place}:1`, {
        confirm: async (deletion) => asked.push(deletion) > 0,
      });
      const { manifest } = await digest(`${place}:2`);
      assert.deepEqual(asked, [{ reference: `${place}:1`, manifest, tags: ['1'] }]);
      assert.deepEqual(result, { ...asked[0], deleted: true });
      assert.equal(manifest.digest, made);
      assert.deepEqual((await tags(place)).tags, ['2']);
    }
  });

  test('of a digest takes all its tags, and says which', async (t) => {
    for (const place of await places(t)) {
      const made = await put(place, 'hello', '1', '2');
      await put(place, 'other', '3');
      const result = await deleteImage(`${place}@${made}`);
      assert.deepEqual(result.tags, ['1', '2']);
      assert.equal(result.reference, `${place}@${made}`);
      assert.deepEqual((await tags(place)).tags, ['3']);
    }
  });

  test('of a digest does not ask for each of very many tags', async (t) => {
    const home = await registry(t);
    const place = `${home.host}/x/demo`;
    const made = await put(place, 'hello', '1');
    for (let at = 0; at < 200; at++) home.repository('x/demo').tags.set(`t${at}`, made);
    home.requests.length = 0;
    const result = await deleteImage(`${place}@${made}`);
    assert.equal('tags' in result, false);
    assert.deepEqual(home.dialogue(), ['HEAD 200', 'GET 200', 'GET 200', 'DELETE 202']);
    assert.equal(home.repository('x/demo').tags.size, 0);
  });

  test('that is not confirmed deletes nothing', async (t) => {
    for (const place of await places(t)) {
      await put(place, 'hello', '1');
      const result = await deleteImage(`${place}:1`, { confirm: async () => false });
      assert.equal(result.deleted, false);
      assert.deepEqual((await tags(place)).tags, ['1']);
    }
  });

  test('of what is not there is not found, and nobody is asked', async (t) => {
    for (const place of await places(t)) {
      await put(place, 'hello', '1');
      const confirm = async (): Promise<boolean> => assert.fail('asked');
      await assert.rejects(deleteImage(`${place}:2`, { confirm }), { code: 'ERR_NOT_FOUND' });
    }
  });

  const wrong: [string, string, RegExp][] = [
    ['without a tag', 'localhost:1/x/demo', /names no tag/],
    ['without a tag of a layout', 'oci:image', /names no tag/],
    ['with a tag and a digest', `localhost:1/x/demo:1@sha256:${'a'.repeat(64)}`, /a tag and a digest/],
    ['in an archive', 'docker-archive:x.tar:hello:1', /an archive is written whole/],
  ];
  for (const [what, reference, message] of wrong)
    test(`${what} is refused`, async () => {
      await assert.rejects(deleteImage(reference), { code: 'ERR_USAGE', message });
    });
});
