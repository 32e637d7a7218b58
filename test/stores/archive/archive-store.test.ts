import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../../src/base/digest.ts';
import type { NixpushError } from '../../../src/base/errors.ts';
import type { ImageManifest } from '../../../src/image/manifest.ts';
import { OCI_LAYER, OCI_LAYER_GZIP } from '../../../src/image/media-types.ts';
import { parseManifest } from '../../../src/image/parse-manifest.ts';
import { decompress } from '../../../src/layers/decompress.ts';
import type { ArchiveStore } from '../../../src/stores/archive/archive-store.ts';
import { openArchive } from '../../../src/stores/archive/archive-store.ts';
import { LIMITS } from '../../../src/stores/archive/limits.ts';
import type { BlobId } from '../../../src/stores/image-store.ts';
import { plainImage, rawTar, streamedMembers, type RawMember } from '../../support/archives.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

type Test = { after(fn: () => void): void };

const IMAGE = plainImage('one', 'two', 'three');
const GOOD = streamedMembers(IMAGE, ['hello:1.0']);

async function opened(t: Test, bytes: Uint8Array): Promise<ArchiveStore> {
  const file = join(temporaryDirectory(t), 'image.tar');
  writeFileSync(file, bytes);
  const store = await openArchive(file, decompress);
  t.after(() => void store.close());
  return store;
}

async function manifestOf(store: ArchiveStore, reference = ''): Promise<ImageManifest> {
  const { bytes, descriptor } = await store.getManifest(reference);
  return parseManifest(bytes, descriptor.mediaType, 'it') as ImageManifest;
}

async function read(store: ArchiveStore, blob: BlobId): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.getBlob(blob)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Asserts that opening the archive, or reading all that is in it, fails so. */
async function refuses(t: Test, bytes: Uint8Array, code: string, message: RegExp): Promise<void> {
  const attempt = async (): Promise<void> => {
    const store = await opened(t, bytes);
    const { config, layers } = await manifestOf(store);
    for (const blob of [config, ...layers]) await read(store, blob);
  };
  await assert.rejects(attempt, (error: NixpushError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

suite('reading an archive', () => {
  for (const [form, pack] of Object.entries({ plain: (bytes: Buffer) => bytes, gzip: gzipSync })) {
    test(`gives the image of a ${form} one whose manifest stands last`, async (t) => {
      const store = await opened(t, pack(rawTar(GOOD)));
      const { config, layers } = await manifestOf(store);
      assert.deepEqual(await read(store, config), IMAGE.config);
      assert.deepEqual(
        layers.map(({ mediaType, digest }) => ({ mediaType, digest })),
        IMAGE.diffIds.map((digest) => ({ mediaType: OCI_LAYER, digest })),
      );
      for (const [at, layer] of layers.entries())
        assert.deepEqual(await read(store, layer), IMAGE.layers[at]);
    });

    test(`gives many readers of a ${form} one what each wants, in any order`, async (t) => {
      const store = await opened(t, pack(rawTar(GOOD)));
      const { layers } = await manifestOf(store);
      const wanted = [2, 0, 1, 2, 0];
      const got = await Promise.all(wanted.map((at) => read(store, layers[at]!)));
      assert.deepEqual(
        got.map((bytes) => sha256(bytes)),
        wanted.map((at) => IMAGE.diffIds[at]),
      );
    });
  }

  test('goes through a compressed one once for readers who come in its order', async (t) => {
    const file = join(temporaryDirectory(t), 'image.tar.gz');
    writeFileSync(file, gzipSync(rawTar(GOOD)));
    let passes = 0;
    const store = await openArchive(file, (bytes) => {
      passes += 1;
      return decompress(bytes);
    });
    t.after(() => void store.close());
    const { layers } = await manifestOf(store);
    await Promise.all(layers.map((layer) => read(store, layer)));
    assert.equal(passes, 2, 'one to see what there is, one for the layers');
  });

  test('goes on after a reader that stopped in the middle', async (t) => {
    const store = await opened(t, gzipSync(rawTar(GOOD)));
    const { layers } = await manifestOf(store);
    for await (const _ of store.getBlob(layers[1]!)) break;
    assert.equal(sha256(await read(store, layers[0]!)), IMAGE.diffIds[0]);
    assert.equal(sha256(await read(store, layers[2]!)), IMAGE.diffIds[2]);
  });

  test('follows the links of docker save to the layers that they repeat', async (t) => {
    const one = plainImage('same', 'same');
    const members: RawMember[] = [
      { name: 'a/', type: '5' },
      { name: 'a/layer.tar', content: one.layers[0]! },
      { name: 'b/layer.tar', type: '2', link: '../a/layer.tar' },
      { name: `${one.configHex}.json`, content: one.config },
      {
        name: 'manifest.json',
        content: JSON.stringify([
          { Config: `${one.configHex}.json`, RepoTags: null, Layers: ['a/layer.tar', 'b/layer.tar'] },
        ]),
      },
    ];
    const { layers } = await manifestOf(await opened(t, rawTar(members)));
    assert.deepEqual(
      layers.map(({ digest }) => digest),
      one.diffIds,
    );
  });

  test('leaves layers that are compressed inside as they are', async (t) => {
    const packed = gzipSync(IMAGE.layers[0]!);
    const members = GOOD.map((member, at) => (at === 0 ? { ...member, content: packed } : member));
    const store = await opened(t, rawTar(members));
    const [first] = (await manifestOf(store)).layers;
    assert.deepEqual(first, { mediaType: OCI_LAYER_GZIP, digest: sha256(packed), size: packed.length });
    assert.deepEqual(await read(store, first), packed);
  });

  test('keeps the manifest that a new archive of Docker has, and its digest', async (t) => {
    const blob = (bytes: Uint8Array | string): RawMember => ({
      name: `blobs/sha256/${createHash('sha256').update(bytes).digest('hex')}`,
      content: bytes,
    });
    const descriptor = (bytes: Uint8Array, mediaType: string): object => ({
      mediaType,
      digest: sha256(bytes),
      size: bytes.length,
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: descriptor(IMAGE.config, 'application/vnd.oci.image.config.v1+json'),
        layers: IMAGE.layers.map((layer) => descriptor(layer, OCI_LAYER)),
        annotations: { kept: 'yes' },
      }),
    );
    const absent = { ...descriptor(Buffer.from('x'), 'application/vnd.oci.image.manifest.v1+json') };
    const index = {
      schemaVersion: 2,
      manifests: [absent, descriptor(manifest, 'application/vnd.oci.image.manifest.v1+json')],
    };
    const layers = IMAGE.layers.map(blob);
    const docker = [
      { Config: blob(IMAGE.config).name, RepoTags: [], Layers: layers.map(({ name }) => name) },
    ];
    const store = await opened(
      t,
      rawTar([
        ...layers,
        blob(IMAGE.config),
        blob(manifest),
        { name: 'index.json', content: JSON.stringify(index) },
        { name: 'manifest.json', content: JSON.stringify(docker) },
      ]),
    );
    assert.equal((await store.getManifest('')).descriptor.digest, sha256(manifest));
  });

  test('chooses among several images by name, place and digest, and says what there is', async (t) => {
    const other = plainImage('other');
    const [manifest] = GOOD.slice(-1);
    const more = streamedMembers(other, ['ghcr.io/me/other:2']);
    const both = [
      ...(JSON.parse(manifest!.content as string) as object[]),
      ...(JSON.parse(more.at(-1)!.content as string) as object[]),
    ];
    const store = await opened(
      t,
      rawTar([
        ...GOOD.slice(0, -1),
        ...more.slice(0, -1),
        { name: 'manifest.json', content: JSON.stringify(both) },
      ]),
    );
    const config = async (reference: string): Promise<string> =>
      (await manifestOf(store, reference)).config.digest;
    assert.equal(await config('hello:1.0'), sha256(IMAGE.config));
    assert.equal(await config('docker.io/library/hello:1.0'), sha256(IMAGE.config));
    assert.equal(await config('@1'), sha256(other.config));
    const { digest } = (await store.getManifest('@1')).descriptor;
    assert.equal(await config(digest), sha256(other.config));
    assert.deepEqual(await store.listTags(), ['ghcr.io/me/other:2', 'hello:1.0']);
    assert.equal(await store.headManifest('hello:2'), undefined);
    await assert.rejects(store.getManifest(''), {
      code: 'ERR_USAGE',
      hint: /:hello:1\.0, .*:ghcr\.io\/me\/other:2/,
    });
    await assert.rejects(store.getManifest('@2'), { code: 'ERR_NOT_FOUND' });
  });

  test('reads long names of pax and of GNU', async (t) => {
    const long = `${'d'.repeat(60)}/${'e'.repeat(60)}/layer.tar`;
    const record = ` path=${long}\n`;
    const length = record.length + String(record.length + 3).length;
    const manifest = (name: string): RawMember => ({
      name: 'manifest.json',
      content: JSON.stringify([{ Config: `${one.configHex}.json`, RepoTags: [], Layers: [name] }]),
    });
    const one = plainImage('one');
    const config = { name: `${one.configHex}.json`, content: one.config };
    const layer = { name: 'short', content: one.layers[0]! };
    const pax = { name: 'x', type: 'x', content: `${length}${record}` };
    const gnu = { name: '././@LongLink', type: 'L', content: `${long}\0` };
    for (const header of [pax, gnu]) {
      const store = await opened(t, rawTar([header, layer, config, manifest(long)]));
      assert.equal((await read(store, (await manifestOf(store)).layers[0]!)).length, one.layers[0]!.length);
    }
  });

  test('takes one without the blocks that mark its end', async (t) => {
    const store = await opened(t, rawTar(GOOD, Buffer.alloc(0)));
    assert.equal((await manifestOf(store)).layers.length, 3);
  });

  test('cannot be written to', async (t) => {
    const store = await opened(t, rawTar(GOOD));
    await assert.rejects(store.putBlob(), { code: 'ERR_USAGE' });
    await assert.rejects(store.putManifest(), { code: 'ERR_USAGE' });
    assert.equal(await store.mountBlob(), false);
  });
});

suite('an archive is refused', () => {
  const manifest = GOOD.at(-1)!;
  const config = GOOD.at(-2)!;
  const layers = GOOD.slice(0, 3);
  const replaced = (json: unknown): Buffer =>
    rawTar([...GOOD.slice(0, -1), { name: 'manifest.json', content: JSON.stringify(json) }]);
  const entry = (JSON.parse(manifest.content as string) as Record<string, unknown>[])[0]!;
  const cases: [why: string, bytes: () => Buffer, message: RegExp, code?: string][] = [
    [
      'with a name that leads out',
      () => rawTar([{ name: 'a/../../x' }, ...GOOD]),
      /leads out of the archive/,
    ],
    ['with an absolute name', () => rawTar([{ name: '/etc/passwd' }, ...GOOD]), /is absolute/],
    [
      'with a symbolic link that leads out',
      () => rawTar([{ name: 'a/layer.tar', type: '2', link: '../../x' }, ...GOOD]),
      /the link a\/layer.tar leads out/,
    ],
    [
      'with an absolute link',
      () => rawTar([{ name: 'a', type: '2', link: '/etc/passwd' }, ...GOOD]),
      /leads out/,
    ],
    [
      'with a hard link that leads out',
      () => rawTar([{ name: 'a', type: '1', link: '../x' }, ...GOOD]),
      /leads out/,
    ],
    ['with two manifests', () => rawTar([...GOOD, manifest]), /two members called manifest.json/],
    ['with two configs of one name', () => rawTar([config, ...GOOD]), /two members called/],
    [
      'with two layers of one name and different size',
      () => rawTar([{ ...layers[0]!, content: Buffer.alloc(4096) }, ...GOOD]),
      /two members called/,
    ],
    [
      'with a file and a link of one name',
      () => rawTar([{ name: manifest.name, type: '2', link: 'other' }, ...GOOD]),
      /two members called/,
    ],
    [
      'with a member longer than the archive',
      () => rawTar([...GOOD, { name: 'x', size: 1e9 }]),
      /cut off in x/,
    ],
    [
      'that is cut off in a header',
      () => rawTar([...GOOD, { name: 'x' }]).subarray(0, -1124),
      /cut off in a header/,
    ],
    ['with a checksum that is wrong', () => rawTar([...GOOD]).fill(1, 0, 4), /wrong checksum/],
    [
      'with a manifest too large to be one',
      () => rawTar([{ name: 'manifest.json', content: Buffer.alloc(LIMITS.jsonBytes + 1, ' ') }]),
      /manifest.json is larger than/,
    ],
    ['with no manifest', () => rawTar(GOOD.slice(0, -1)), /not an image archive: it has no manifest.json/],
    [
      'written by an ancient Docker',
      () => rawTar([{ name: 'repositories', content: '{}' }]),
      /older than 1\.10/,
    ],
    ['for OCI archives', () => rawTar([{ name: 'index.json', content: '{}' }]), /is an OCI archive/],
    ['whose manifest is no list', () => replaced({}), /is not a list of images/],
    ['whose manifest has no config', () => replaced([{ Layers: [] }]), /image 0 has no Config and Layers/],
    ['without a layer it speaks of', () => rawTar(GOOD.slice(1)), /layer.tar" is missing/],
    [
      'with fewer layers than its config tells',
      () => replaced([{ ...entry, Layers: (entry['Layers'] as string[]).slice(1) }]),
      /tells of 3 layers, manifest.json of 2/,
    ],
    [
      'with a layer reached through too many links',
      () =>
        rawTar([
          { name: 'l', type: '2', link: 'm' },
          { name: 'm', type: '2', link: 'l' },
          ...GOOD.slice(0, -1),
          { name: 'manifest.json', content: JSON.stringify([{ ...entry, Layers: ['l', 'l', 'l'] }]) },
        ]),
      /"l" is missing/,
    ],
    [
      'with a layer of other content than its config tells',
      () => rawTar(GOOD.map((each, at) => (at === 0 ? { ...each, content: layers[1]!.content! } : each))),
      /has the digest sha256:\w+, not sha256:\w+/,
      'ERR_INTEGRITY',
    ],
    [
      'with a config of another digest than its name',
      () => rawTar(GOOD.map((each) => (each === config ? { ...each, content: '{"rootfs":{}}' } : each))),
      /has the digest/,
      'ERR_INTEGRITY',
    ],
    [
      'with an extended header that is malformed',
      () => rawTar([{ name: 'x', type: 'x', content: 'not a record' }, ...GOOD]),
      /extended header is malformed/,
    ],
    [
      'with an extended header that is huge',
      () => rawTar([{ name: 'x', type: 'x', size: LIMITS.extendedHeaderBytes + 1 }, ...GOOD]),
      /extended header is too large/,
    ],
    [
      'with sparse files',
      () => rawTar([{ name: 'x', type: 'x', content: '22 GNU.sparse.major=1\n' }, ...GOOD]),
      /sparse/,
    ],
    [
      'when it is gzip that is cut off',
      () => gzipSync(rawTar(GOOD)).subarray(0, -200),
      /unexpected end|cut off/,
    ],
    ['when it is xz', () => Buffer.from('fd377a585a000000', 'hex'), /compressed with xz/],
    [
      'when it is a script',
      () => Buffer.from('#!/bin/sh\nexec stream'),
      /is a program, not an image archive/,
    ],
    ['when it is empty', () => Buffer.alloc(0), /is empty/],
    ['when it is something else', () => Buffer.alloc(2048, 'text '), /wrong checksum/],
  ];
  for (const [why, bytes, message, code = 'ERR_FORMAT'] of cases)
    test(why, async (t) => refuses(t, bytes(), code, message));

  test('when it is a directory, with a hint', async (t) => {
    const directory = join(temporaryDirectory(t), 'image');
    mkdirSync(directory);
    await assert.rejects(openArchive(directory, decompress), {
      code: 'ERR_FORMAT',
      hint: `If it is an OCI image layout, write oci:${directory}.`,
    });
  });

  test('when it does not exist', async () => {
    await assert.rejects(openArchive('/nonexistent/image.tar', decompress), { code: 'ERR_NOT_FOUND' });
  });
});
