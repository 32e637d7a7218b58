import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../src/image/media-types.ts';
import { lock } from '../../src/index.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { ImageStore } from '../../src/stores/image-store.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { rawTar } from '../support/archives.ts';
import { putBaseImage, putIndex } from '../support/base-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { madeBytes } from '../support/made-source.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const run = promisify(execFile);

/** What pullImage runs, and the hash that Nix takes of its flat result. */
async function skopeoHash(
  t: TestContext,
  place: string,
  digest: string,
  architecture: string,
): Promise<string> {
  const file = join(temporaryDirectory(t), 'image.tar');
  const [name, tag] = [place.slice(0, place.lastIndexOf(':')), place.slice(place.lastIndexOf(':') + 1)];
  await run('skopeo', [
    '--insecure-policy',
    '--override-os=linux',
    `--override-arch=${architecture}`,
    'copy',
    '--src-tls-verify=false',
    `docker://${name}@${digest}`,
    `docker-archive:/${file}:${name}:${tag}`,
  ]);
  return `sha256-${createHash('sha256').update(readFileSync(file)).digest('base64')}`;
}

async function openAt(t: TestContext, place: string): Promise<ImageStore> {
  const store = await openImageStore(parseReference(place), { create: true });
  t.after(() => store.close());
  return store;
}

const tars = ['one', 'two', 'one'].map((name) =>
  rawTar([{ name: `etc/${name}`, content: madeBytes(100_000, name.length) }]),
);

/** A config as `docker build` and people write them: white space, letters that Go escapes, numbers of all kinds. */
const CONFIG = `{
  "architecture": "amd64", "os":"linux",
  "config" : { "Cmd": ["sh", "-c", "a && b < c > d \\u0026 \\/ \\"{[,:]}\\" é \u2028 \u2029"], "Number": 1.50e3,
    "Labels": {"z": "1", "a": ""}, "Empty": [ ], "No": null },
  "container": "abc", "container_config": {"Hostname": "x"}, "docker_version": "20.10",
  "created": "2020-01-01T00:00:00.5Z", "history": [],
  "rootfs": { "type": "layers", "diff_ids": ${JSON.stringify(tars.map(sha256))} }
}`;

/** Three layers, two of them the same. */
async function putImage(store: ImageStore, form: 'docker' | 'oci' | 'tar', tag: string): Promise<void> {
  const layers: Descriptor[] = [];
  for (const tar of tars) {
    const bytes = form === 'tar' ? tar : gzipSync(tar);
    const { digest, size } = await store.putBlob(bytesSource('layer', bytes));
    const mediaType = { docker: DOCKER_LAYER_GZIP, oci: OCI_LAYER_GZIP, tar: OCI_LAYER }[form];
    layers.push({ mediaType, digest, size });
  }
  const { digest, size } = await store.putBlob(bytesSource('config', Buffer.from(CONFIG)));
  const config = { mediaType: form === 'docker' ? DOCKER_CONFIG : OCI_CONFIG, digest, size };
  const mediaType = form === 'docker' ? DOCKER_MANIFEST : OCI_MANIFEST;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  await store.putManifest(
    { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes },
    [tag],
  );
}

describe('the hash for dockerTools.pullImage', needs('docker-registry', 'skopeo'), () => {
  for (const form of ['docker', 'oci', 'tar'] as const)
    test(`is that of what skopeo writes: an image of the form ${form}`, async (t) => {
      const { host } = await startDockerRegistry(t);
      const place = `${host}/x/demo:1.0`;
      await putImage(await openAt(t, place), form, '1.0');
      const file = join(temporaryDirectory(t), 'lock');
      const { images } = await lock([place], { file, pullImage: true, platform: 'linux/amd64' });
      const { pullImage, digest } = images[0]!;
      assert.equal(pullImage!.hash, await skopeoHash(t, place, digest, 'amd64'));
    });

  test('is of the image for the platform asked for, by the digest of the index', async (t) => {
    const { host } = await startDockerRegistry(t);
    const place = `${host}/x/demo:1.0`;
    const store = await openAt(t, place);
    const images: Descriptor[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const platform = { os: 'linux', architecture };
      images.push({
        ...(await putBaseImage(store, { layers: [{ architecture }], platform })).descriptor,
        platform,
      });
    }
    const { descriptor } = await putIndex(store, images, '1.0');
    const cwd = temporaryDirectory(t);
    for (const architecture of ['amd64', 'arm64']) {
      const args = ['lock', place, '--nix', '--platform', `linux/${architecture}`, '--quiet'];
      const { status, stdout, stderr } = await nixpush(args, { cwd });
      assert.equal(status, 0, stderr);
      const hash = await skopeoHash(t, place, descriptor.digest, architecture);
      assert.equal(
        stdout,
        `{
  imageName = "${host}/x/demo";
  imageDigest = "${descriptor.digest}";
  finalImageName = "${host}/x/demo";
  finalImageTag = "1.0";
  os = "linux";
  arch = "${architecture}";
  hash = "${hash}";
}
`,
      );
    }
  });
});
