import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/image/media-types.ts';
import { referrersTag } from '../../src/image/referrer.ts';
import { copy } from '../../src/index.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';
import { parseReference } from '../../src/stores/reference.ts';
import {
  personalities,
  startFaultRegistry,
  type FaultRegistry,
  type RegistryQuirks,
} from '../../src/testing/index.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { cosignTag, putArtifact } from '../support/artifacts.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SBOM = 'application/spdx+json';
const SIGNATURE = 'application/vnd.dev.cosign.simplesigning.v1+json';

const cache = process.env['XDG_CACHE_HOME'];
before(() => {
  // No test may profit from what another remembered.
  process.env['XDG_CACHE_HOME'] = '/dev/null';
});
after(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});

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

/** An index of two images, `signed`, with an SBOM of each, a signature on one SBOM, and a cosign signature of the index. */
interface Signed {
  readonly root: Descriptor;
  readonly image: Descriptor;
  readonly sboms: readonly [Descriptor, Descriptor];
  readonly signature: Descriptor;
  readonly cosign: Descriptor;
}

async function putSigned(place: string): Promise<Signed> {
  return withStore(place, async (store) => {
    const image = async (architecture: string): Promise<Descriptor> => {
      const platform = { os: 'linux', architecture };
      const spec = { layers: [{ [architecture]: architecture }], platform };
      return { ...(await putBaseImage(store, spec)).descriptor, platform };
    };
    const [one, two] = [await image('amd64'), await image('arm64')];
    const { descriptor: root } = await putIndex(store, [one, two], 'signed');
    const sbomOf = async (subject: Descriptor): Promise<Descriptor> =>
      (await putArtifact(store, { type: SBOM, text: `SBOM of ${subject.digest}`, subject })).descriptor;
    const sboms = [await sbomOf(one), await sbomOf(two)] as const;
    const spec = { type: SIGNATURE, text: 'signed' };
    const { descriptor: signature } = await putArtifact(store, { ...spec, subject: sboms[0] });
    const { descriptor: cosign } = await putArtifact(store, spec, cosignTag(root, 'sig'));
    return { root, image: one, sboms, signature, cosign };
  });
}

/** The digests of all that is attached, as a place lists it. */
async function attachedAt(place: string, { root, image, sboms }: Signed): Promise<(string | undefined)[]> {
  return withStore(place, async (store) => {
    const referrers = async (subject: Descriptor): Promise<string[]> =>
      (await store.listReferrers!(subject.digest)).map(({ digest }) => digest);
    return [
      ...(await referrers(image)),
      ...(await referrers(sboms[0])),
      (await store.headManifest(cosignTag(root, 'sig')))?.digest,
    ];
  });
}

function allOf({ sboms, signature, cosign }: Signed): string[] {
  return [sboms[0].digest, signature.digest, cosign.digest];
}

suite('what is attached to an image', () => {
  test('comes along, through registries with and without Referrers API and a layout', async (t) => {
    const [home, plain, last] = [
      await registry(t),
      await registry(t, personalities.distribution2),
      await registry(t),
    ];
    const signed = await putSigned(`${home.host}/x/demo`);
    const places = [`${plain.host}/y/demo`, `oci:${temporaryDirectory(t)}/a`, `${last.host}/z/demo`];
    let from = `${home.host}/x/demo`;
    for (const place of places) {
      const { manifest } = await copy(`${from}:signed`, { to: [place], referrers: true });
      assert.equal(manifest.digest, signed.root.digest);
      assert.deepEqual(await attachedAt(place, signed), allOf(signed), place);
      from = place;
    }
    const [there, back] = [last.repository('z/demo'), home.repository('x/demo')];
    assert.deepEqual([...there.manifests.keys()].sort(), [...back.manifests.keys()].sort());
    assert.deepEqual([...there.blobs.keys()].sort(), [...back.blobs.keys()].sort());
    assert.deepEqual([...there.tags.keys()].sort(), [...back.tags.keys()].sort());
  });

  test('stays behind unless it is asked for', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const signed = await putSigned(`${home.host}/x/demo`);
    await copy(`${home.host}/x/demo:signed`, { to: [`${away.host}/y/demo`] });
    assert.deepEqual(await attachedAt(`${away.host}/y/demo`, signed), [undefined]);
    assert.equal(away.repository('y/demo').manifests.size, 3);
  });

  test('is there before the tag moves', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const signed = await putSigned(`${home.host}/x/demo`);
    await copy(`${home.host}/x/demo:signed`, { to: [`${away.host}/y/demo`], referrers: true });
    const puts = away.requests.filter(({ operation }) => operation === 'manifest-put');
    const names = puts.map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
    assert.equal(names.at(-1), 'signed');
    assert.ok(names.indexOf(cosignTag(signed.root, 'sig')) > 0);
  });

  test('that came later is taken although the image is there, and costs no byte of the image', async (t) => {
    for (const quirks of [{}, personalities.distribution2]) {
      const [home, away] = [await registry(t), await registry(t, quirks)];
      const signed = await putSigned(`${home.host}/x/demo`);
      const options = { to: [`${away.host}/y/demo`], referrers: true };
      await copy(`${home.host}/x/demo:signed`, options);
      const late = await withStore(`${home.host}/x/demo`, (store) =>
        putArtifact(store, { type: SBOM, text: 'another', subject: signed.root }),
      );
      home.requests.length = 0;
      await copy(`${home.host}/x/demo:signed`, options);
      const listed = await withStore(`${away.host}/y/demo`, (store) =>
        store.listReferrers!(signed.root.digest),
      );
      assert.deepEqual(
        listed.map(({ digest }) => digest),
        [late.descriptor.digest],
      );
      assert.equal(home.requests.filter(({ operation }) => operation === 'blob-get').length, 1);
    }
  });

  test('and is there already is neither read again nor sent', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    await putSigned(`${home.host}/x/demo`);
    const options = { to: [`${away.host}/y/demo`], referrers: true };
    await copy(`${home.host}/x/demo:signed`, options);
    for (const each of [home, away]) each.requests.length = 0;
    await copy(`${home.host}/x/demo:signed`, options);
    assert.deepEqual(
      new Set(away.requests.map(({ operation }) => operation)),
      new Set(['ping', 'manifest-head', 'referrers']),
    );
    assert.equal(home.requests.filter(({ operation }) => operation === 'tags').length, 1);
  });

  test('comes along with one platform, that of other platforms does not', async (t) => {
    const [home, away] = [await registry(t), await registry(t)];
    const { image, sboms, signature } = await putSigned(`${home.host}/x/demo`);
    const options = { to: [`${away.host}/y/demo`], referrers: true, platforms: ['linux/amd64'] };
    await copy(`${home.host}/x/demo:signed`, options);
    assert.deepEqual(
      [...away.repository('y/demo').manifests.keys()].sort(),
      [image, sboms[0], signature].map(({ digest }) => digest).sort(),
    );
  });

  test('and listed, but gone, is passed over', async (t) => {
    const [home, away] = [await registry(t, personalities.distribution2), await registry(t)];
    const signed = await putSigned(`${home.host}/x/demo`);
    home.repository('x/demo').manifests.delete(signed.sboms[1].digest);
    await copy(`${home.host}/x/demo:signed`, { to: [`${away.host}/y/demo`], referrers: true });
    assert.deepEqual(await attachedAt(`${away.host}/y/demo`, signed), allOf(signed));
  });

  test('has no place in an archive', async (t) => {
    const home = await registry(t);
    await putSigned(`${home.host}/x/demo`);
    const to = [`docker-archive:${temporaryDirectory(t)}/a.tar`];
    await assert.rejects(copy(`${home.host}/x/demo:signed`, { to, referrers: true }), {
      code: 'ERR_USAGE',
      message: /can hold one image, not what is attached to it/,
    });
  });
});

suite('what lies about being attached', () => {
  type Lie = (home: FaultRegistry, signed: Signed) => void;
  const held = (home: FaultRegistry): ReturnType<FaultRegistry['repository']> => home.repository('x/demo');
  const lists = (home: FaultRegistry, subject: Descriptor, manifests: readonly object[]): void => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
    held(home).manifests.set(sha256(bytes), { mediaType: OCI_INDEX, bytes });
    held(home).tags.set(referrersTag(subject.digest), sha256(bytes));
  };
  const lies: [string, RegistryQuirks, Lie, string, RegExp][] = [
    [
      'a list that names what is about something else',
      personalities.distribution2,
      (home, { root, sboms }) => lists(home, root, [sboms[0]]),
      'ERR_INTEGRITY',
      /lists sha256:[0-9a-f]+ as about sha256:[0-9a-f]+, but it is not/,
    ],
    [
      'a list with another size',
      personalities.distribution2,
      (home, { image, sboms }) => lists(home, image, [{ ...sboms[0], size: sboms[0].size + 1 }]),
      'ERR_INTEGRITY',
      /bytes/,
    ],
    [
      'a list with a negative size',
      personalities.distribution2,
      (home, { image, sboms }) => lists(home, image, [{ ...sboms[0], size: -1 }]),
      'ERR_FORMAT',
      /has no valid size/,
    ],
    [
      'a list that calls a manifest an index',
      personalities.distribution2,
      (home, { image, sboms }) => lists(home, image, [{ ...sboms[0], mediaType: OCI_INDEX }]),
      'ERR_FORMAT',
      /was announced as/,
    ],
    [
      'a referrer of other bytes',
      {},
      (home, { image, sboms }) => {
        const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [], subject: image }));
        held(home).manifests.set(sboms[0].digest, { mediaType: OCI_MANIFEST, bytes });
      },
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    [
      "a blob of cosign's signature",
      {},
      (home, { sboms: [{ digest }], signature }) => {
        for (const listed of [digest, signature.digest]) held(home).manifests.delete(listed);
        held(home).blobs.set(sha256('signed'), Buffer.from('forged'));
      },
      'ERR_INTEGRITY',
      /has the digest/,
    ],
    ...['x', ''].map((text): (typeof lies)[number] => [
      `an SBOM ${text === '' ? 'that is empty' : 'of other bytes'}`,
      {},
      (home, { image }) => {
        const blob = Buffer.from(`SBOM of ${image.digest}`);
        held(home).blobs.set(sha256(blob), Buffer.alloc(text === '' ? 0 : blob.length, text));
      },
      'ERR_INTEGRITY',
      /has the digest|ends after/,
    ]),
    [
      'an SBOM that is too long',
      {},
      (home, { image }) => {
        const blob = Buffer.from(`SBOM of ${image.digest}`);
        held(home).blobs.set(sha256(blob), Buffer.concat([blob, blob]));
      },
      'ERR_INTEGRITY',
      /is longer than/,
    ],
  ];

  for (const [what, quirks, lie, code, message] of lies)
    test(`${what}: no tag moves`, async (t) => {
      const [home, away] = [await registry(t, quirks), await registry(t)];
      const older = await withStore(`${away.host}/y/demo`, (store) =>
        putBaseImage(store, { layers: [{ older: 'one' }] }, 'signed'),
      );
      const signed = await putSigned(`${home.host}/x/demo`);
      lie(home, signed);
      const to = [`${away.host}/y/demo:signed`];
      const options = { to, referrers: true, registry: { maxWaitMs: 0 } };
      await assert.rejects(copy(`${home.host}/x/demo:signed`, options), { code, message });
      assert.deepEqual([...away.repository('y/demo').tags], [['signed', older.descriptor.digest]]);
    });
});
