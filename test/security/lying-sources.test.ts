import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { sha256, type Digest } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/image/media-types.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';
import { REF_NAME } from '../../src/stores/layout/layout-index.ts';
import { parseReference } from '../../src/stores/reference.ts';
import type { FaultRegistry } from '../../src/testing/index.ts';
import { copy } from '../../src/verbs/copy.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { plainImage, rawTar, streamedMembers, type RawMember } from '../support/archives.ts';
import { cosignTag, putArtifact } from '../support/artifacts.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { madeBytes } from '../support/made-source.ts';
import { startServer } from '../support/server.ts';
import { putSmallImage } from '../support/small-image.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { IMPATIENT, registry, REPOSITORY } from './scene.ts';

const cache = process.env['XDG_CACHE_HOME'];
before(() => {
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});

/** A place to copy from, whose content can be spoilt behind its back. */
interface Source {
  readonly place: string;
  /** Puts bytes in the place of those with this digest; without, nothing. */
  readonly spoil: (digest: Digest, bytes?: Buffer) => void;
  /** Tags a manifest that no store would take. */
  readonly plant: (manifest: object, mediaType: string) => void;
}

function registrySource(home: FaultRegistry): Source {
  const { blobs, manifests, tags } = home.repository(REPOSITORY);
  return {
    place: `${home.host}/${REPOSITORY}`,
    spoil: (digest, bytes) => {
      const manifest = manifests.get(digest);
      if (bytes === undefined) for (const each of [blobs, manifests]) each.delete(digest);
      else if (manifest === undefined) blobs.set(digest, bytes);
      else manifests.set(digest, { ...manifest, bytes });
    },
    plant: (manifest, mediaType) => {
      const bytes = Buffer.from(JSON.stringify(manifest));
      manifests.set(sha256(bytes), { mediaType, bytes });
      tags.set('stable', sha256(bytes));
    },
  };
}

function layoutSource(directory: string): Source {
  const fileOf = (digest: Digest): string => join(directory, 'blobs', digest.replace(':', '/'));
  return {
    place: `oci:${directory}`,
    spoil: (digest, bytes) => {
      if (bytes === undefined) rmSync(fileOf(digest));
      else writeFileSync(fileOf(digest), bytes);
    },
    plant: (manifest, mediaType) => {
      const bytes = Buffer.from(JSON.stringify(manifest));
      const annotations = { [REF_NAME]: 'stable' };
      const entry = { mediaType, digest: sha256(bytes), size: bytes.length, annotations };
      writeFileSync(fileOf(entry.digest), bytes);
      writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    },
  };
}

const SOURCES: Readonly<Record<string, (t: TestContext) => Promise<Source>>> = {
  registry: async (t) => registrySource(await registry(t)),
  layout: async (t) => layoutSource(join(temporaryDirectory(t), 'image')),
};

/** An image with a signature, in an index called `stable`, with a signature of cosign's. */
interface Scene extends Source {
  readonly store: ImageStore;
  readonly layer: Buffer;
  readonly config: Digest;
  readonly image: Descriptor;
  readonly root: Descriptor;
  readonly cosign: Descriptor;
}

const SIGNATURE = Buffer.from('a signature');

async function scene(t: TestContext, source: Source): Promise<Scene> {
  const store = await openImageStore(parseReference(source.place), { create: true });
  t.after(() => store.close());
  const tar = madeBytes(50_000);
  const { layers, ...made } = await putBaseImage(store, { layers: [tar] });
  const { config } = JSON.parse(Buffer.from(made.bytes).toString()) as { config: Descriptor };
  const image = { ...made.descriptor, platform: { os: 'linux', architecture: 'amd64' } };
  const root = (await putIndex(store, [image], 'stable')).descriptor;
  const spec = { type: 'application/vnd.example.signature', text: SIGNATURE.toString() };
  await putArtifact(store, { ...spec, subject: image });
  const cosign = await putArtifact(store, { ...spec, text: 'by cosign' }, cosignTag(root, 'sig'));
  const pieces: Uint8Array[] = [];
  for await (const piece of store.getBlob(layers[0]!)) pieces.push(piece);
  return {
    ...source,
    store,
    layer: Buffer.concat(pieces),
    config: config.digest,
    image,
    root,
    cosign: cosign.descriptor,
  };
}

/** Tries to copy over tags that are there in a registry and in a layout; they have to stay, and no other may come. */
async function movesNoTag(t: TestContext, source: string, code: string, message: RegExp): Promise<void> {
  const away = await registry(t);
  const places = [`${away.host}/y/demo`, `oci:${temporaryDirectory(t)}/image`];
  const stores = await Promise.all(
    places.map((place) => openImageStore(parseReference(place), { create: true })),
  );
  t.after(() => Promise.all(stores.map((store) => store.close())));
  const older = await Promise.all(stores.map((store) => putSmallImage(store, 'older', 'stable')));
  for (const place of places) {
    const options = { to: [`${place}:stable`], referrers: true, registry: IMPATIENT };
    await assert.rejects(copy(source, options), (error: { code?: string; message: string }) => {
      assert.match(error.message, message);
      assert.equal(error.code, code, error.message);
      return true;
    });
  }
  for (const [at, store] of stores.entries()) {
    assert.deepEqual(await store.listTags(), ['stable']);
    assert.equal((await store.headManifest('stable'))!.digest, older[at]!.descriptor.digest);
  }
}

type Lie = (scene: Scene) => Promise<unknown> | void;

/** Tags an index of the image, its entry changed, as `stable`. */
function announce(wrong: object): Lie {
  return ({ plant, image }) => plant({ schemaVersion: 2, manifests: [{ ...image, ...wrong }] }, OCI_INDEX);
}

const OTHER = Buffer.from('{"schemaVersion":2,"layers":[]}');
const MISMATCH =
  /has the digest|other content than its digest|has \d+ bytes instead of|longer than|ends after/;

const LIES: [what: string, lie: Lie, code: string, message: RegExp][] = [
  [
    'a layer of other bytes',
    ({ spoil, layer }) => spoil(sha256(layer), Buffer.alloc(layer.length)),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    'a layer that is too short',
    ({ spoil, layer }) => spoil(sha256(layer), layer.subarray(1)),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    'a layer that is too long',
    ({ spoil, layer }) => spoil(sha256(layer), Buffer.concat([layer, layer])),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    'a layer that is empty',
    ({ spoil, layer }) => spoil(sha256(layer), Buffer.alloc(0)),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  ['a layer that is not there', ({ spoil, layer }) => spoil(sha256(layer)), 'ERR_NOT_FOUND', /./],
  ['a config of other bytes', ({ spoil, config }) => spoil(config, OTHER), 'ERR_INTEGRITY', MISMATCH],
  [
    'a config far larger than it is said to be',
    ({ spoil, config }) => spoil(config, Buffer.alloc(20 << 20, ' ')),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  ['an image of other bytes', ({ spoil, image }) => spoil(image.digest, OTHER), 'ERR_INTEGRITY', MISMATCH],
  ['an index of other bytes', ({ spoil, root }) => spoil(root.digest, OTHER), 'ERR_INTEGRITY', MISMATCH],
  [
    'an index that holds itself',
    ({ spoil, root }) => {
      const entry = { mediaType: OCI_INDEX, digest: root.digest, size: root.size };
      spoil(root.digest, Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] })));
    },
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    'two indexes that hold each other',
    async ({ store, spoil, image }) => {
      const inner = (await putIndex(store, [image, image])).descriptor;
      const outer = (await putIndex(store, [inner], 'stable')).descriptor;
      const entry = { mediaType: OCI_INDEX, digest: outer.digest, size: outer.size };
      spoil(inner.digest, Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] })));
    },
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    'indexes in indexes without end',
    async ({ store, image }) => {
      let inner: Descriptor = image;
      for (let level = 0; level < 12; level++) inner = (await putIndex(store, [inner], 'stable')).descriptor;
    },
    'ERR_FORMAT',
    /nested more than|levels deep/,
  ],
  ['an image announced as longer', announce({ size: 10_000 }), 'ERR_INTEGRITY', /bytes/],
  ['an image announced with a negative size', announce({ size: -1 }), 'ERR_FORMAT', /has no valid size/],
  ['an image announced as an index', announce({ mediaType: OCI_INDEX }), 'ERR_FORMAT', /was announced as/],
  [
    "an image announced as Docker's",
    announce({ mediaType: DOCKER_MANIFEST }),
    'ERR_FORMAT',
    /was announced as/,
  ],
  [
    'a manifest that calls itself something else',
    ({ plant }) => plant({ schemaVersion: 2, mediaType: OCI_MANIFEST, manifests: [] }, OCI_INDEX),
    'ERR_FORMAT',
    /says it is "application.vnd.oci.image.manifest/,
  ],
  [
    'a signature whose bytes are others',
    ({ spoil }) => spoil(sha256(SIGNATURE), Buffer.alloc(SIGNATURE.length)),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
  [
    "a signature of cosign's of other bytes",
    ({ spoil, cosign }) => spoil(cosign.digest, OTHER),
    'ERR_INTEGRITY',
    MISMATCH,
  ],
];

for (const [name, open] of Object.entries(SOURCES))
  describe(`a ${name} that lies moves no tag:`, () => {
    for (const [what, lie, code, message] of LIES)
      test(what, async (t) => {
        const set = await scene(t, await open(t));
        await lie(set);
        await movesNoTag(t, `${set.place}:stable`, code, message);
      });
  });

describe('a registry that breaks a layer off', () => {
  const layer = madeBytes(100_000);
  const half = layer.subarray(0, 50_000);
  const rests: [string, Buffer, string][] = [
    ['and goes on with other bytes', Buffer.alloc(50_000), 'bytes 50000-99999/100000'],
    ['and goes on too long', Buffer.concat([layer.subarray(50_000), layer]), 'bytes 50000-199999/200000'],
    ['and goes on from another place', layer.subarray(60_000), 'bytes 60000-99999/100000'],
    ['and begins anew, but shorter', layer.subarray(0, 60_000), ''],
  ];
  for (const [what, rest, range] of rests)
    test(`${what} moves no tag`, async (t) => {
      const home = await registry(t);
      const held = home.repository(REPOSITORY);
      const store = await openImageStore(parseReference(`${home.host}/${REPOSITORY}`), {});
      t.after(() => store.close());
      await store.putBlob(bytesSource('layer', layer));
      const { descriptor } = await putSmallImage(store, 'stable', 'stable');
      const manifest = JSON.parse(held.manifests.get(descriptor.digest)!.bytes.toString()) as {
        layers: Descriptor[];
      };
      manifest.layers[0] = { ...manifest.layers[0]!, digest: sha256(layer), size: layer.length };
      const bytes = Buffer.from(JSON.stringify(manifest));
      await store.putManifest(
        { descriptor: { mediaType: OCI_MANIFEST, digest: sha256(bytes), size: bytes.length }, bytes },
        ['stable'],
      );
      const liar = await startServer(t, async (request, response) => {
        if (request.url?.endsWith(sha256(layer)) !== true) {
          const answer = await fetch(`http://${home.host}${request.url}`, { method: request.method! });
          response.writeHead(answer.status, Object.fromEntries(answer.headers));
          response.end(Buffer.from(await answer.arrayBuffer()));
        } else if (request.headers.range === undefined) {
          response.writeHead(200, { 'content-length': layer.length });
          response.write(half, () => response.destroy());
        } else if (range === '') {
          response.writeHead(200, { 'content-length': rest.length });
          response.end(rest);
        } else {
          response.writeHead(206, { 'content-length': rest.length, 'content-range': range });
          response.end(rest);
        }
      });
      await movesNoTag(t, `${liar.host}/${REPOSITORY}:stable`, 'ERR_INTEGRITY', MISMATCH);
    });
});

describe('an archive that lies moves no tag:', () => {
  const image = plainImage('one', 'two');
  const members = streamedMembers(image, ['hello:1.0']);
  const withLayer = (content: Buffer): readonly RawMember[] =>
    members.map((member, at) => (at === 0 ? { ...member, content } : member));
  const layer = image.layers[0]!;
  const lies: [string, () => Buffer, string, RegExp][] = [
    [
      'a layer of other bytes',
      () => rawTar(withLayer(Buffer.alloc(layer.length))),
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    [
      'a layer that is too short',
      () => rawTar(withLayer(layer.subarray(512))),
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    [
      'a layer that is too long',
      () => rawTar(withLayer(Buffer.concat([layer, layer]))),
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    [
      'a config of other bytes',
      () =>
        rawTar(members.map((member, at) => (at === 2 ? { ...member, content: '{"rootfs":{}}' } : member))),
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    ['an end that is missing', () => rawTar(members).subarray(0, -1500), 'ERR_FORMAT', /cut off/],
  ];
  for (const [what, bytes, code, message] of lies)
    test(what, async (t) => {
      const file = join(temporaryDirectory(t), 'image.tar');
      writeFileSync(file, bytes());
      await movesNoTag(t, `docker-archive:${file}`, code, message);
    });
});
