import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import type { PushedLayer } from '../../src/index.ts';
import { startFaultRegistry } from '../../src/testing/index.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { StoreBuilder, type Tree } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const HELLO = `${'a'.repeat(32)}-hello`;
const PROGRAM: Tree = { bin: { hello: { program: 'hi\n' } }, lnk: { link: 'bin/hello' } };
// What nix2container's own code makes of the store path.
const GOLDEN = {
  program: 'sha256:9a15c5773864eb941a6b0b01500b280aa3687c7df71354d6c3588b49e8175053',
  longNames: 'sha256:31f6149262bfeaecdc40bb8268ce5e694d7bc09e497a95f333b65680bdbab713',
};
const NIXPKGS = 'sha256:cf0a8265dbd4bf584d873861750b2e9aaf104911893d28ab02907072d82f2360';

interface Document {
  readonly manifest: { readonly digest: string };
  readonly layers: readonly (PushedLayer & { readonly descriptor: { readonly digest: string } })[];
}

interface Scene {
  readonly directory: string;
  readonly path: string;
  /** Runs nixpush on the store path, or on `what`. */
  readonly run: (args: readonly string[], what?: string) => Promise<Run>;
  readonly push: (args: readonly string[], what?: string) => Promise<Document>;
}

/** A store of one path, and a machine whose cache is kept from push to push. */
function scene(t: TestContext, tree: Tree = PROGRAM): Scene {
  const directory = temporaryDirectory(t);
  const cache = temporaryDirectory(t);
  const content = new StoreBuilder(directory).add(HELLO, tree);
  const closure = join(directory, 'closure.json');
  writeFileSync(closure, JSON.stringify([{ ...content, references: [] }]));
  const run = async (args: readonly string[], what = content.path): Promise<Run> =>
    nixpush([what, '--store', directory, '--closure', closure, '--platform', 'linux/amd64', ...args], {
      cwd: directory,
      env: { XDG_CACHE_HOME: cache },
    });
  return {
    directory,
    path: content.path,
    run,
    push: async (args, what) => {
      const { status, stdout, stderr } = await run(['--json', ...args], what);
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout) as Document;
    },
  };
}

const N2C = ['--tar-format', 'n2c'];
const PLAIN = ['--no-links', '--compression', 'none'];

suite('--tar-format n2c', () => {
  for (const [name, tree, golden] of [
    ['a program and a link', PROGRAM, GOLDEN.program],
    ['long names', { share: { ['d'.repeat(90)]: { 'é.txt': 'x' } } }, GOLDEN.longNames],
  ] as const)
    test(`makes of ${name} the layer that nix2container makes`, async (t) => {
      const { layers } = await scene(t, tree).push([...N2C, ...PLAIN, '--to', 'oci:image']);
      assert.deepEqual(
        layers.map(({ diffId, descriptor }) => [diffId, descriptor.digest]),
        [[golden, golden]],
      );
    });

  test('is the content of compressed layers as well', async (t) => {
    const { layers } = await scene(t).push([...N2C, '--no-links', '--to', 'oci:image']);
    assert.equal(layers[0]!.diffId, GOLDEN.program);
  });

  test('never takes a layer of the other format out of the cache, the registry or the last push', async (t) => {
    const registry = await startFaultRegistry();
    t.after(() => void registry.stop());
    const { push } = scene(t);
    const to = ['--to', `${registry.host}/x`, ...PLAIN];
    const first = await push(to);
    const other = await push([...to, ...N2C]);
    const again = await push([...to, '--tar-format', 'nixpkgs']);
    const otherAgain = await push([...to, ...N2C, '--reuse', 'auto']);
    assert.deepEqual(
      [first, other, again, otherAgain].map(({ layers }) => layers[0]!.diffId),
      [NIXPKGS, GOLDEN.program, NIXPKGS, GOLDEN.program],
    );
    assert.notEqual(first.layers[0]!.recipe, other.layers[0]!.recipe);
    assert.equal(again.manifest.digest, first.manifest.digest);
    assert.equal(otherAgain.manifest.digest, other.manifest.digest);
  });

  test('is the format of all layers of an image definition', needs('python3'), async (t) => {
    const { directory, path, push } = scene(t);
    const definition = {
      nixpush: 1,
      name: 'app',
      contents: [path],
      directories: { '/data': { mode: '0700', owner: '7:8' } },
      permissions: [{ path, regex: 'hello$', capabilities: ['CAP_NET_BIND_SERVICE'] }],
    };
    writeFileSync(join(directory, 'image.json'), JSON.stringify(definition));
    const to = ['--compression', 'none', '--to', 'oci:image'];
    const { layers } = await push([...N2C, ...to], './image.json');
    const script = `
import sys, tarfile
for digest in sys.argv[1:]:
    for m in tarfile.open('image/blobs/sha256/' + digest[7:]):
        print(m.name or '/', oct(m.mode)[2:], f'{m.uid}:{m.gid} {m.uname}', *m.pax_headers)
`;
    const digests = layers.map(({ descriptor }) => descriptor.digest);
    const listed = execFileSync('python3', ['-c', script, ...digests], { cwd: directory, encoding: 'utf8' });
    assert.deepEqual(listed.trim().split('\n'), [
      '/ 755 0:0 root',
      '/nix 755 0:0 root',
      '/nix/store 755 0:0 root',
      `${path} 555 0:0 root`,
      `${path}/bin 555 0:0 root`,
      `${path}/bin/hello 555 0:0 root SCHILY.xattr.security.capability`,
      `${path}/lnk 777 0:0 root`,
      '/ 755 0:0 root',
      '/bin 755 0:0 root',
      '/bin/hello 777 0:0 root',
      '/data 700 7:8 ',
      '/lnk 777 0:0 root',
    ]);
  });

  test('has no say in an image that another program has laid out', async (t) => {
    const { directory, run } = scene(t);
    const image = { version: 1, 'image-config': {}, layers: [], arch: 'amd64' };
    writeFileSync(join(directory, 'image.json'), JSON.stringify(image));
    const { status, stderr } = await run([...N2C, '--to', 'oci:image'], './image.json');
    assert.equal(status, 2, stderr);
    assert.match(stderr, /--tar-format has no use with \.\/image\.json/);
  });

  test('is one of two', async (t) => {
    const { status, stderr } = await scene(t).run(['--tar-format', 'tar', '--to', 'oci:image']);
    assert.equal(status, 2);
    assert.match(stderr, /--tar-format tar: not known\n.*nixpkgs or n2c/);
  });
});
