import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { NixpushError } from '../../../src/base/errors.ts';
import { makeManifest } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/image/media-types.ts';
import type { StoredManifest } from '../../../src/stores/image-store.ts';
import { RegistryClient } from '../../../src/stores/registry/client.ts';
import { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import { startFaultRegistry, type FaultRegistry } from '../../../src/testing/index.ts';
import { FastClock, REPOSITORY, scene, storeAt } from '../../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../../support/made-source.ts';

const BLOB = madeBytes(200_000);
const BLOB_ID = { digest: sha256(BLOB), size: BLOB.length };
const CONFIG = Buffer.from('{}');
const MANIFEST = manifestOf(BLOB);

function manifestOf(layer: Buffer): StoredManifest {
  return makeManifest({
    config: { mediaType: OCI_CONFIG, digest: sha256(CONFIG), size: CONFIG.length },
    layers: [{ mediaType: OCI_LAYER, digest: sha256(layer), size: layer.length }],
  });
}

/** Puts the blobs that MANIFEST names. */
function furnish(registry: FaultRegistry, repository: string = REPOSITORY): void {
  for (const bytes of [BLOB, CONFIG]) registry.repository(repository).blobs.set(sha256(bytes), bytes);
}

function furnishManifest(
  registry: FaultRegistry,
  bytes: Buffer,
  mediaType = OCI_MANIFEST,
  tag = 'latest',
): void {
  furnish(registry);
  const repository = registry.repository(REPOSITORY);
  repository.manifests.set(sha256(bytes), { mediaType, bytes });
  repository.tags.set(tag, sha256(bytes));
}

async function read(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof NixpushError && error.code === code;
}

describe('getBlob', () => {
  test('gives the bytes, asked for as they are stored', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    assert.deepEqual(await read(store.getBlob(BLOB_ID)), BLOB);
    assert.equal(registry.requests.at(-1)!.headers['accept-encoding'], 'identity');
  });

  test('goes on where the connection broke', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    registry.fault({ on: 'blob-get', times: 2, effect: { kind: 'reset', afterBytes: 60_000 } });
    assert.deepEqual(await read(store.getBlob(BLOB_ID)), BLOB);
    assert.match(String(registry.requests.at(-1)!.headers['range']), /^bytes=\d+-$/);
  });

  test('goes on where the connection broke although ranges are ignored', async (t) => {
    const { registry, store } = await scene(t, { noBlobRanges: true });
    furnish(registry);
    registry.fault({ on: 'blob-get', times: 2, effect: { kind: 'reset', afterBytes: 60_000 } });
    assert.deepEqual(await read(store.getBlob(BLOB_ID)), BLOB);
  });

  test('gives up when nothing comes any more', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    registry.fault({ on: 'blob-get', times: 100, effect: { kind: 'reset', afterBytes: 0 } });
    await assert.rejects(read(store.getBlob(BLOB_ID)), hasCode('ERR_NETWORK'));
  });

  for (const [what, bytes] of [
    ['other bytes', madeBytes(BLOB.length, 9)],
    ['too few bytes', BLOB.subarray(1)],
    ['too many bytes', Buffer.concat([BLOB, BLOB])],
  ] as const) {
    test(`refuses ${what}`, async (t) => {
      const { registry, store } = await scene(t);
      registry.repository(REPOSITORY).blobs.set(BLOB_ID.digest, bytes);
      await assert.rejects(read(store.getBlob(BLOB_ID)), hasCode('ERR_INTEGRITY'));
    });
  }

  test('never hands out more bytes than the blob has', async (t) => {
    const { registry, store } = await scene(t);
    registry.repository(REPOSITORY).blobs.set(BLOB_ID.digest, madeBytes(10_000_000));
    let received = 0;
    const reading = async (): Promise<void> => {
      for await (const piece of store.getBlob(BLOB_ID)) received += piece.byteLength;
    };
    await assert.rejects(reading(), hasCode('ERR_INTEGRITY'));
    assert.ok(received <= BLOB.length);
  });

  test('follows a redirect to another host, without credentials', async (t) => {
    const elsewhere = await startFaultRegistry();
    t.after(() => elsewhere.stop());
    furnish(elsewhere);
    const registry = await startFaultRegistry({
      auth: { kind: 'bearer' },
      blobRedirect: `http://${elsewhere.host}`,
    });
    t.after(() => registry.stop());
    furnish(registry);
    assert.deepEqual(await read(storeAt(t, registry.host).getBlob(BLOB_ID)), BLOB);
    assert.equal(elsewhere.requests.length, 1);
    assert.equal(elsewhere.requests[0]!.headers['authorization'], undefined);
  });

  test('does not follow redirects for ever', async (t) => {
    const { registry, store } = await scene(t, { redirectLoop: true });
    furnish(registry);
    await assert.rejects(read(store.getBlob(BLOB_ID)), hasCode('ERR_REGISTRY'));
    assert.ok(registry.requests.length < 12);
  });

  test('of a blob that is not there is not found', async (t) => {
    const { store } = await scene(t);
    await assert.rejects(read(store.getBlob(BLOB_ID)), hasCode('ERR_NOT_FOUND'));
  });
});

describe('hasBlob', () => {
  test('says yes, and no', async (t) => {
    const { registry, store } = await scene(t);
    assert.equal(await store.hasBlob(BLOB_ID), false);
    furnish(registry);
    assert.equal(await store.hasBlob(BLOB_ID), true);
  });

  test('says no when it cannot tell', async (t) => {
    const { registry, store } = await scene(t, { blobHeadRefused: 401 });
    furnish(registry);
    assert.equal(await store.hasBlob(BLOB_ID), false);
  });

  test('ends with the signal', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'blob-head', effect: { kind: 'stall', afterBytes: 0 } });
    await assert.rejects(store.hasBlob(BLOB_ID, { signal: AbortSignal.timeout(50) }), hasCode('ERR_ABORTED'));
  });
});

describe('mountBlob', () => {
  async function twoRepositories(
    t: Parameters<typeof scene>[0],
    quirks: Parameters<typeof scene>[1] = {},
  ): Promise<{ registry: FaultRegistry; from: RegistryStore; to: RegistryStore }> {
    const { registry, store } = await scene(t, quirks);
    furnish(registry, 'base/image');
    return { registry, to: store, from: storeAt(t, registry.host, {}, 'base/image') };
  }

  test('takes a blob over from another repository', async (t) => {
    const { registry, from, to } = await twoRepositories(t);
    assert.equal(await to.mountBlob(BLOB_ID, from), true);
    assert.deepEqual(registry.repository(REPOSITORY).blobs.get(BLOB_ID.digest), BLOB);
    assert.equal(registry.requests.at(-1)!.path.includes('origin='), false);
  });

  test('asks for the right to read the other repository', async (t) => {
    const { registry, from, to } = await twoRepositories(t, { auth: { kind: 'bearer' } });
    assert.equal(await to.mountBlob(BLOB_ID, from), true);
    const asked = registry.requests.filter(({ operation }) => operation === 'token').at(-1)!.path;
    assert.match(
      decodeURIComponent(asked),
      /scope=repository:x\/demo:pull,push.*scope=repository:base\/image:pull/,
    );
  });

  for (const mount of [400, 401, 403] as const) {
    test(`that is refused by ${mount} is a no`, async (t) => {
      const { from, to } = await twoRepositories(t, { mount });
      assert.equal(await to.mountBlob(BLOB_ID, from), false);
    });
  }

  test('that opens an upload instead lends the session to the next upload', async (t) => {
    const { registry, from, to } = await twoRepositories(t, { mount: 'ignored' });
    assert.equal(await to.mountBlob(BLOB_ID, from), false);
    await to.putBlob(new MadeSource(BLOB));
    assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 202', 'PUT 201']);
  });

  test('that opened a session nobody needs cancels it at the end', async (t) => {
    const { registry, from, to } = await twoRepositories(t, { mount: 'ignored' });
    await to.mountBlob(BLOB_ID, from);
    await to.close();
    assert.deepEqual(registry.dialogue(), ['POST 202', 'DELETE 204']);
  });

  test('from another registry is a no, and asks nobody', async (t) => {
    const { registry, to } = await twoRepositories(t);
    const { store: other } = await scene(t);
    assert.equal(await to.mountBlob(BLOB_ID, other), false);
    assert.deepEqual(registry.requests, []);
  });
});

describe('putManifest', () => {
  test('puts the digest first, then each tag in order', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    await store.putManifest(MANIFEST, ['a', 'b']);
    const paths = registry.requests
      .filter(({ operation }) => operation === 'manifest-put')
      .map(({ path }) => path.split('/').at(-1));
    assert.deepEqual(paths, [MANIFEST.descriptor.digest, 'a', 'b']);
    assert.deepEqual([...registry.repository(REPOSITORY).tags.keys()], ['a', 'b']);
    const held = registry.repository(REPOSITORY).manifests.get(MANIFEST.descriptor.digest)!;
    assert.equal(held.mediaType, OCI_MANIFEST);
    assert.deepEqual(held.bytes, Buffer.from(MANIFEST.bytes));
  });

  test('tells its length, which Nexus wants', async (t) => {
    const { registry, store } = await scene(t, { manifestNeedsLength: true });
    furnish(registry);
    await store.putManifest(MANIFEST, []);
    assert.equal(registry.dialogue().at(-1), 'PUT 201');
  });

  test('says which blobs the registry does not have, and moves no tag', async (t) => {
    const { registry, store } = await scene(t);
    registry.repository(REPOSITORY).blobs.set(sha256(CONFIG), CONFIG);
    await assert.rejects(
      store.putManifest(MANIFEST, ['a']),
      (error) => error instanceof NixpushError && error.message.endsWith(`names: ${BLOB_ID.digest}`),
    );
    assert.equal(registry.repository(REPOSITORY).tags.size, 0);
  });

  test('tries once more when the registry finds all blobs a moment later', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    registry.fault({
      on: 'manifest-put',
      effect: { kind: 'answer', status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
    });
    await store.putManifest(MANIFEST, ['a']);
    assert.deepEqual(registry.dialogue(), ['PUT 404', 'HEAD 200', 'HEAD 200', 'PUT 201', 'PUT 201']);
  });

  test('tries once more when the registry takes the digest for wrong for a moment', async (t) => {
    const { registry, store } = await scene(t);
    furnish(registry);
    const effect = { kind: 'answer', status: 400, code: 'DIGEST_INVALID' } as const;
    registry.fault({ on: 'manifest-put', nth: 2, effect });
    await store.putManifest(MANIFEST, ['a']);
    assert.deepEqual(registry.dialogue(), ['PUT 201', 'PUT 400', 'PUT 201']);
  });

  test('is content with an immutable tag that points there already', async (t) => {
    const { registry, store } = await scene(t, { immutableTags: true });
    furnish(registry);
    await store.putManifest(MANIFEST, ['a']);
    await store.putManifest(MANIFEST, ['a']);
    assert.equal(registry.dialogue().at(-1), 'HEAD 200');
  });

  test('fails on an immutable tag that points elsewhere', async (t) => {
    const { registry, store } = await scene(t, { immutableTags: true });
    furnish(registry);
    await store.putManifest(MANIFEST, ['a']);
    const other = manifestOf(CONFIG);
    await assert.rejects(store.putManifest(other, ['a']), /immutable/);
  });

  test('does not believe in another digest', async (t) => {
    const { registry, store } = await scene(t, { digestHeader: 'wrong' });
    furnish(registry);
    await assert.rejects(store.putManifest(MANIFEST, ['a']), hasCode('ERR_INTEGRITY'));
    assert.equal(registry.repository(REPOSITORY).tags.size, 0);
  });

  test('refuses what registries refuse, before sending it', async (t) => {
    const { registry, store } = await scene(t);
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1, 32);
    const huge = { descriptor: { ...MANIFEST.descriptor, size: bytes.length }, bytes };
    await assert.rejects(store.putManifest(huge, []), hasCode('ERR_FORMAT'));
    assert.deepEqual(registry.requests, []);
  });
});

describe('getManifest and headManifest', () => {
  const bytes = Buffer.from(MANIFEST.bytes);
  const quirks = [
    {},
    { digestHeader: 'missing' },
    { manifestTypeSuffix: '; charset=utf-8' },
    { manifestHeadRefused: 400 },
    { manifestHeadRefused: 401 },
    { manifestHeadRefused: 405 },
  ] as const;

  for (const each of quirks) {
    test(`agree by tag and digest where the registry has ${JSON.stringify(each)}`, async (t) => {
      const { registry, store } = await scene(t, each);
      furnishManifest(registry, bytes);
      for (const reference of ['latest', MANIFEST.descriptor.digest]) {
        assert.deepEqual(await store.headManifest(reference), MANIFEST.descriptor);
        const got = await store.getManifest(reference);
        assert.deepEqual(got.descriptor, MANIFEST.descriptor);
        assert.deepEqual(Buffer.from(got.bytes), bytes);
      }
    });

    test(`agree on what is not there where the registry has ${JSON.stringify(each)}`, async (t) => {
      const { store } = await scene(t, each);
      assert.equal(await store.headManifest('nothing'), undefined);
      await assert.rejects(store.getManifest('nothing'), hasCode('ERR_NOT_FOUND'));
    });
  }

  test('believe the bytes, not the header', async (t) => {
    const { registry, store } = await scene(t, { digestHeader: 'wrong' });
    furnishManifest(registry, bytes);
    await assert.rejects(store.getManifest('latest'), hasCode('ERR_INTEGRITY'));
    await assert.rejects(store.headManifest(MANIFEST.descriptor.digest), hasCode('ERR_INTEGRITY'));
  });

  test('refuse other bytes than those pinned', async (t) => {
    const { registry, store } = await scene(t, { digestHeader: 'missing' });
    registry.repository(REPOSITORY).manifests.set(BLOB_ID.digest, { mediaType: OCI_MANIFEST, bytes });
    await assert.rejects(store.getManifest(BLOB_ID.digest), hasCode('ERR_INTEGRITY'));
  });

  test('refuse a manifest that calls itself something else than the header', async (t) => {
    const { registry, store } = await scene(t);
    furnishManifest(registry, bytes, OCI_INDEX);
    await assert.rejects(store.getManifest('latest'), hasCode('ERR_FORMAT'));
  });

  test('refuse an answer that says its length twice', async (t) => {
    for (const duplicateLength of ['same', 'different'] as const) {
      const { registry, store } = await scene(t, { duplicateLength });
      furnishManifest(registry, Buffer.from(MANIFEST.bytes));
      await assert.rejects(store.getManifest('latest'), { code: 'ERR_NETWORK', host: registry.host });
    }
  });

  test('refuse a manifest without end', async (t) => {
    const { registry, store } = await scene(t);
    furnishManifest(registry, Buffer.alloc(9 * 1024 * 1024, 32));
    await assert.rejects(store.getManifest('latest'), hasCode('ERR_REGISTRY'));
  });
});

describe('listTags', () => {
  function tag(registry: FaultRegistry, count: number): string[] {
    const names = Array.from({ length: count }, (_, index) => `v${String(index).padStart(3, '0')}`);
    for (const name of names) registry.repository(REPOSITORY).tags.set(name, 'sha256:0');
    return names;
  }

  test('goes through all pages', async (t) => {
    const { registry, store } = await scene(t, { tagsPerPage: 10 });
    const names = tag(registry, 25);
    assert.deepEqual(await store.listTags(), names);
    assert.equal(registry.requests.filter(({ operation }) => operation === 'tags').length, 3);
  });

  test('of an empty repository is empty, also when the registry says null', async (t) => {
    const { registry, store } = await scene(t);
    assert.deepEqual(await store.listTags(), []);
    registry.fault({ on: 'tags', effect: { kind: 'answer', status: 200, body: '{"name":"x","tags":null}' } });
    assert.deepEqual(await store.listTags(), []);
  });

  test('notices a list that bites its own tail', async (t) => {
    const { registry, store } = await scene(t, { tagsPerPage: 10, tagLink: 'loop' });
    tag(registry, 25);
    await assert.rejects(store.listTags(), /has no end/);
  });

  test('follows a link to another host without credentials', async (t) => {
    const elsewhere = await startFaultRegistry();
    t.after(() => elsewhere.stop());
    const { registry, store } = await scene(t, {
      auth: { kind: 'bearer' },
      tagsPerPage: 10,
      tagLink: `http://${elsewhere.host}`,
    });
    tag(registry, 15);
    assert.equal((await store.listTags()).length, 10);
    assert.equal(elsewhere.requests[0]!.headers['authorization'], undefined);
  });

  for (const body of ['<html>', '{"tags":[1]}', '{"tags":["../../etc"]}', '{"tags":["\\u001b[2J"]}']) {
    test(`refuses ${body}`, async (t) => {
      const { registry, store } = await scene(t);
      registry.fault({ on: 'tags', effect: { kind: 'answer', status: 200, body } });
      await assert.rejects(store.listTags(), hasCode('ERR_REGISTRY'));
    });
  }

  test('of a repository that does not exist is not found', async (t) => {
    const { registry, store } = await scene(t);
    registry.fault({ on: 'tags', effect: { kind: 'answer', status: 404, code: 'NAME_UNKNOWN' } });
    await assert.rejects(store.listTags(), hasCode('ERR_NOT_FOUND'));
  });
});

test('a store is named like its repository', async (t) => {
  const client = new RegistryClient({ host: 'registry.test:5000', clock: new FastClock() });
  t.after(() => client.close());
  assert.equal(new RegistryStore({ client, repository: 'x/demo' }).name, 'registry.test:5000/x/demo');
});
