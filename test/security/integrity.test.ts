import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../src/image/media-types.ts';
import type { FaultRegistry } from '../../src/testing/index.ts';
import { copy } from '../../src/verbs/copy.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { push } from '../../src/verbs/push.ts';
import { startServer } from '../support/server.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import {
  CONFIG,
  digestOf,
  examplePush,
  failsWith,
  IMPATIENT,
  LAYER,
  manifestOf,
  plant,
  registry,
  REPOSITORY,
} from './scene.ts';

const options = { registry: IMPATIENT };

/** Copies the planted image to another registry, to which nothing may come then. */
async function refusesToCopy(
  t: TestContext,
  home: FaultRegistry,
  exitCode: number,
  message: RegExp,
  reference = '',
): Promise<void> {
  const target = await registry(t);
  const to = [`${target.host}/${REPOSITORY}:stolen`];
  await failsWith(copy(`${home.host}/${REPOSITORY}${reference}`, { to, ...options }), exitCode, message);
  const { tags, manifests } = target.repository(REPOSITORY);
  assert.deepEqual([tags.size, manifests.size], [0, 0]);
}

describe('a manifest', () => {
  test('other than its digest says is refused, by digest and whatever the header claims', async (t) => {
    const home = await registry(t);
    const asked = plant(home);
    const other = plant(home, manifestOf(CONFIG, LAYER, { annotations: { evil: 'yes' } }));
    const { manifests } = home.repository(REPOSITORY);
    manifests.set(asked, manifests.get(other)!);
    await failsWith(inspect(`${home.host}/${REPOSITORY}@${asked}`, options), 5, /has the digest sha256/);
    await refusesToCopy(t, home, 5, /has the digest sha256/, `@${asked}`);
    home.quirks = { digestHeader: 'missing' };
    await failsWith(inspect(`${home.host}/${REPOSITORY}@${asked}`, options), 5, /has the digest sha256/);
  });

  test('other than its header says is refused by tag', async (t) => {
    const home = await registry(t, { digestHeader: 'wrong' });
    plant(home);
    await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 5, /has the digest sha256/);
    await refusesToCopy(t, home, 5, /has the digest sha256/);
  });

  test('of another size than its index says is refused', async (t) => {
    const home = await registry(t);
    const digest = plant(home);
    const { bytes } = home.repository(REPOSITORY).manifests.get(digest)!;
    for (const size of [bytes.byteLength - 1, bytes.byteLength + 1]) {
      const manifests = [{ mediaType: OCI_MANIFEST, digest, size }];
      plant(home, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
      await refusesToCopy(t, home, 5, /bytes/);
    }
  });

  const confusing: [string, unknown, string, RegExp][] = [
    [
      'with layers and manifests',
      manifestOf(CONFIG, LAYER, { manifests: [] }),
      OCI_MANIFEST,
      /both layers and manifests/,
    ],
    [
      'with Layers in capitals and manifests',
      { schemaVersion: 2, Layers: [], manifests: [] },
      OCI_INDEX,
      /both layers/,
    ],
    ['that was announced as an index', manifestOf(CONFIG, LAYER), OCI_INDEX, /was announced as/],
    [
      'that calls itself an index',
      manifestOf(CONFIG, LAYER, { mediaType: OCI_INDEX }),
      'application/octet-stream',
      /has the form of an image/,
    ],
    ['of schema 1', { schemaVersion: 1, fsLayers: [] }, OCI_MANIFEST, /schema 1/],
    ['with a size that is no number', withLayer({ size: '7' }), OCI_MANIFEST, /has no valid size/],
    ['with a negative size', withLayer({ size: -1 }), OCI_MANIFEST, /has no valid size/],
    ['with a size beyond counting', withLayer({ size: 2 ** 53 }), OCI_MANIFEST, /has no valid size/],
    ['with a size that is a fraction', withLayer({ size: 0.5 }), OCI_MANIFEST, /has no valid size/],
    ['with a media type that is none', withLayer({ mediaType: 'a/b\r\nx: y' }), OCI_MANIFEST, /media type/],
  ];
  for (const [name, manifest, type, message] of confusing) {
    test(`${name} is refused`, async (t) => {
      const home = await registry(t);
      plant(home, manifest, type);
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, message);
      await refusesToCopy(t, home, 1, message);
    });
  }
});

/** An honest manifest but for this about its layer. */
function withLayer(wrong: object): unknown {
  const layer = { mediaType: OCI_LAYER, digest: digestOf(LAYER), size: LAYER.byteLength, ...wrong };
  return manifestOf(CONFIG, LAYER, { layers: [layer] });
}

const BAD_DIGESTS = [
  'sha256:../../../../etc/passwd',
  `sha256:${'../'.repeat(21)}x`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}?`,
  `sha256:${'a'.repeat(64)}/../../../v2/other/blobs/x`,
  `md5:${'a'.repeat(32)}`,
  `sha1:${'a'.repeat(40)}`,
  `SHA256:${'a'.repeat(64)}`,
  `sha256:${'a'.repeat(64)}\n`,
  '',
];

describe('a digest that is none never becomes a path or a URL', () => {
  for (const digest of BAD_DIGESTS) {
    const config = { mediaType: OCI_CONFIG, digest, size: 10 };
    test(`in a manifest: ${JSON.stringify(digest)}`, async (t) => {
      const home = await registry(t);
      plant(home, manifestOf(CONFIG, LAYER, { config }));
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, /is not a sha256 or sha512 digest/);
      plant(home, withLayer({ digest }));
      await refusesToCopy(t, home, 1, /is not a sha256 or sha512 digest/);
      const entry = { mediaType: OCI_MANIFEST, digest, size: 10 };
      plant(home, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }, OCI_INDEX);
      await refusesToCopy(t, home, 1, /is not a sha256 or sha512 digest/);
      assert.ok(home.requests.every(({ path }) => path === '/v2/' || path.endsWith('/manifests/latest')));
    });

    test(`in the index.json of a layout: ${JSON.stringify(digest)}`, async (t) => {
      const directory = temporaryDirectory(t);
      mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
      writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
      const manifests = [{ mediaType: OCI_MANIFEST, digest, size: 10, annotations }];
      writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
      await failsWith(inspect(`oci:${directory}`), 1, /is not a sha256 or sha512 digest/);
    });
  }
});

describe('a blob', () => {
  const wrong: [string, (blob: Buffer) => Buffer, RegExp][] = [
    ['of other bytes', (blob) => Buffer.alloc(blob.byteLength, 'x'), /has the digest/],
    ['that is too long', (blob) => Buffer.concat([blob, Buffer.from('!')]), /is longer than/],
    ['that is too short', (blob) => blob.subarray(1), /ends after/],
    ['that is empty', () => Buffer.alloc(0), /ends after/],
  ];
  for (const [name, spoil, message] of wrong) {
    test(`${name} is refused`, async (t) => {
      const home = await registry(t);
      plant(home);
      const { blobs } = home.repository(REPOSITORY);
      blobs.set(digestOf(CONFIG), spoil(CONFIG));
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 5, message);
      blobs.set(digestOf(CONFIG), CONFIG);
      blobs.set(digestOf(LAYER), spoil(LAYER));
      await refusesToCopy(t, home, 5, message);
      const layout = join(temporaryDirectory(t), 'image');
      const to = [`oci:${layout}:stolen`];
      await failsWith(copy(`${home.host}/${REPOSITORY}`, { to, ...options }), 5, message);
    });
  }

  test('at an address of its own is not fetched from there', async (t) => {
    const evil = await startServer(t, (_request, response) => response.end(LAYER));
    const home = await registry(t);
    const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    plant(home, withLayer({ urls: [`http://${evil.host}/layer`], mediaType }));
    home.repository(REPOSITORY).blobs.delete(digestOf(LAYER));
    await inspect(`${home.host}/${REPOSITORY}`, options);
    await refusesToCopy(t, home, 6, /does not have what the manifest names/);
    assert.deepEqual(evil.requests, []);
  });
});

describe('compression on the way', () => {
  test('is not asked for, and not undone where a server does it all the same', async (t) => {
    const honest = Buffer.from(JSON.stringify(manifestOf(CONFIG, LAYER)));
    const home = await startServer(t, (_request, response) => {
      response.setHeader('content-type', OCI_MANIFEST);
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(honest));
    });
    const reference = `${home.host}/${REPOSITORY}@${digestOf(honest)}`;
    await failsWith(inspect(reference, options), 5, /has the digest/);
    assert.ok(home.requests.every(({ headers }) => headers['accept-encoding'] === 'identity'));
  });

  test('cannot blow a small answer up', async (t) => {
    const home = await startServer(t, (_request, response) => {
      response.setHeader('content-type', OCI_MANIFEST);
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    });
    await failsWith(inspect(`${home.host}/${REPOSITORY}`, options), 1, /is not JSON/);
  });
});

describe('a registry that stores something else than it was sent', () => {
  test('gets no tag', async (t) => {
    const home = await registry(t, { digestHeader: 'wrong' });
    await failsWith(push(examplePush(`${home.host}/${REPOSITORY}`, options)), 5, /digest|stored/);
    assert.equal(home.repository(REPOSITORY).tags.size, 0);
  });
});
