import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { makeManifest } from '../../src/image/manifest.ts';
import {
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../src/image/media-types.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../src/image/parse-manifest.ts';
import { schemaErrors } from '../support/schemas.ts';

const config: Descriptor = { mediaType: OCI_CONFIG, digest: sha256('config'), size: 6 };
const layer: Descriptor = {
  mediaType: OCI_LAYER_GZIP,
  digest: sha256('layer'),
  size: 5,
  annotations: { z: '1', 'dev.nixpush.recipe': sha256('recipe') },
};

test('a manifest has its keys in a fixed order, sorted annotations and no whitespace', () => {
  const { bytes, descriptor } = makeManifest({ config, layers: [layer], annotations: { b: '2', a: '1' } });
  assert.equal(
    Buffer.from(bytes).toString(),
    `{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}",` +
      `"config":{"mediaType":"${OCI_CONFIG}","digest":"${config.digest}","size":6},` +
      `"layers":[{"mediaType":"${OCI_LAYER_GZIP}","digest":"${layer.digest}","size":5,` +
      `"annotations":{"dev.nixpush.recipe":"${sha256('recipe')}","z":"1"}}],"annotations":{"a":"1","b":"2"}}`,
  );
  assert.deepEqual(descriptor, { mediaType: OCI_MANIFEST, digest: sha256(bytes), size: bytes.byteLength });
});

test('a manifest fits the schema of image-spec', () => {
  const { bytes } = makeManifest({ config, layers: [layer], annotations: { a: '1' } });
  assert.deepEqual(schemaErrors('image-manifest-schema', bytes), []);
  assert.notDeepEqual(schemaErrors('image-manifest-schema', makeManifest({ config, layers: [] }).bytes), []);
});

test('a manifest that was made is read back', () => {
  const { bytes } = makeManifest({ config, layers: [layer], annotations: { a: '1' } });
  assert.deepEqual(parseManifest(bytes, OCI_MANIFEST, 'x'), {
    kind: 'image',
    mediaType: OCI_MANIFEST,
    config,
    layers: [layer],
    annotations: { a: '1' },
  });
});

const child = {
  mediaType: OCI_MANIFEST,
  digest: sha256('child'),
  size: 7,
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
};
const encode = (json: unknown): Uint8Array => Buffer.from(JSON.stringify(json));
const image = { schemaVersion: 2, config, layers: [layer] };
const index = { schemaVersion: 2, manifests: [child] };

test('an index is read with its platforms', () => {
  const parsed = parseManifest(encode({ ...index, mediaType: OCI_INDEX, annotations: null }), OCI_INDEX, 'x');
  assert.deepEqual(parsed, { kind: 'index', mediaType: OCI_INDEX, manifests: [child], annotations: {} });
});

test('the type is taken from the outside, else from the inside, else from the form', () => {
  assert.equal(parseManifest(encode(image), DOCKER_MANIFEST, 'x').mediaType, DOCKER_MANIFEST);
  assert.equal(
    parseManifest(encode({ ...index, mediaType: DOCKER_INDEX }), undefined, 'x').mediaType,
    DOCKER_INDEX,
  );
  assert.equal(parseManifest(encode(image), undefined, 'x').mediaType, OCI_MANIFEST);
  assert.equal(parseManifest(encode(index), undefined, 'x').mediaType, OCI_INDEX);
});

test('an artifact keeps its type and subject', () => {
  const parsed = parseManifest(
    encode({ ...image, artifactType: 'application/x', subject: child }),
    OCI_MANIFEST,
    'x',
  );
  assert.deepEqual([parsed.artifactType, parsed.subject], ['application/x', child]);
});

const refused: [why: string, document: unknown, mediaType: string | undefined, message: RegExp][] = [
  ['layers and manifests at once', { ...image, ...index }, OCI_MANIFEST, /has both layers and manifests/],
  ['them in another case, as Go reads keys', { ...index, Layers: [layer] }, OCI_INDEX, /has both/],
  ['a config in an index', { ...index, config }, OCI_INDEX, /has both/],
  ['neither', { schemaVersion: 2 }, OCI_MANIFEST, /has neither layers nor manifests/],
  ['another type inside than outside', { ...image, mediaType: OCI_INDEX }, OCI_MANIFEST, /was announced as/],
  ['an index announced as a manifest', index, OCI_MANIFEST, /has the form of an index/],
  ['a manifest announced as an index', image, OCI_INDEX, /has the form of an image/],
  ['a foreign type', image, 'application/json', /but the type "application\/json"/],
  ['a type that is no string', { ...image, mediaType: [OCI_MANIFEST] }, undefined, /but the type/],
  ['schema 1', { schemaVersion: 1, fsLayers: [] }, undefined, /Docker schema 1/],
  ['no schema version', { config, layers: [] }, OCI_MANIFEST, /no schemaVersion 2/],
  ['a list', [], OCI_MANIFEST, /not a JSON object/],
  ['layers that are no list', { ...image, layers: {} }, OCI_MANIFEST, /layers are not a list/],
  ['no config', { schemaVersion: 2, layers: [layer] }, OCI_MANIFEST, /x: config is not a descriptor/],
  [
    'a path as digest',
    { ...image, config: { ...config, digest: 'sha256:../../etc/passwd' } },
    OCI_MANIFEST,
    /x: config/,
  ],
  ['a short digest', { ...image, layers: [{ ...layer, digest: 'sha256:ab' }] }, OCI_MANIFEST, /x: layer 1/],
  [
    'a negative size',
    { ...image, layers: [{ ...layer, size: -1 }] },
    OCI_MANIFEST,
    /layer 1 has no valid size/,
  ],
  ['a fractional size', { ...image, layers: [{ ...layer, size: 1.5 }] }, OCI_MANIFEST, /no valid size/],
  ['a size as text', { ...image, layers: [{ ...layer, size: '5' }] }, OCI_MANIFEST, /no valid size/],
  [
    'a size that a double cannot hold',
    { ...image, layers: [{ ...layer, size: 2 ** 53 }] },
    OCI_MANIFEST,
    /no valid size/,
  ],
  [
    'a media type with a line break',
    { ...image, layers: [{ ...layer, mediaType: 'a/b\nc' }] },
    OCI_MANIFEST,
    /media type/,
  ],
  ['annotations that are no strings', { ...image, annotations: { a: 1 } }, OCI_MANIFEST, /annotations/],
  ['a platform without os', { ...index, manifests: [{ ...child, platform: {} }] }, OCI_INDEX, /platform/],
  [
    'too many layers',
    { ...image, layers: Array.from({ length: 20_001 }, () => 0) },
    OCI_MANIFEST,
    /more than 20000/,
  ],
];
for (const [why, document, mediaType, message] of refused) {
  test(`a manifest with ${why} is refused`, () => {
    assert.throws(() => parseManifest(encode(document), mediaType, 'x'), { code: 'ERR_FORMAT', message });
  });
}

test('what is not JSON in UTF-8 is refused', () => {
  for (const bytes of [Buffer.from('{'), Buffer.alloc(0), Buffer.from([0x22, 0xff, 0x22])]) {
    assert.throws(() => parseManifest(bytes, OCI_MANIFEST, 'x'), {
      code: 'ERR_FORMAT',
      message: 'x is not JSON',
    });
  }
});

test('a manifest beyond the size limit is refused unread', () => {
  const bytes = Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ');
  assert.throws(() => parseManifest(bytes, OCI_MANIFEST, 'x'), {
    code: 'ERR_FORMAT',
    message: /larger than/,
  });
});
