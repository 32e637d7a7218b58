import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import type { PushedDestination, PushedLayer } from '../../src/index.ts';
import type { StorePathContent } from '../../src/layers/content.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

interface Document {
  manifest: { digest: string };
  plannedAnew?: string;
  layers: (PushedLayer & { descriptor: { digest: string } })[];
  destinations: PushedDestination[];
}

const CLI = join(import.meta.dirname, '../support/nixpush-cli.js');

/** A store, and machines that push from it: each is a cache of its own. */
class Scene {
  readonly store: StoreBuilder;
  readonly #directory: string;
  /** All store paths by name, with their references. */
  readonly #paths = new Map<string, { content: StorePathContent; references: readonly string[] }>();

  constructor(t: Test) {
    this.#directory = temporaryDirectory(t);
    this.store = new StoreBuilder(this.#directory);
  }

  /** A package with a program; `version` makes other content. */
  add(name: string, version: string, needs: readonly string[] = []): void {
    const content = this.store.add(`${name}-${version}`, {
      bin: { [name]: { program: `#!/bin/sh\n# ${name} ${version}\n` } },
    });
    this.#paths.set(name, { content, references: needs.map((each) => this.path(each)) });
  }

  path(name: string): string {
    return this.#paths.get(name)!.content.path;
  }

  /** Whoever reads the package from now on finds it damaged. */
  spoil(name: string): void {
    const program = join(this.#directory, this.path(name), 'bin', name);
    chmodSync(program, 0o755);
    writeFileSync(program, '');
  }

  get physicalStore(): string {
    return this.store.trees.directory;
  }

  /** Arguments that push the root package. */
  arguments(root: string, ...options: string[]): string[] {
    const file = join(this.#directory, 'closure.json');
    const closure = [...this.#paths.values()].map(({ content, references }) => ({ ...content, references }));
    writeFileSync(file, JSON.stringify(closure));
    const source = ['--store', this.#directory, '--closure', file, '--platform', 'linux/amd64'];
    return [this.path(root), ...source, ...options];
  }

  async push(machine: string, root: string, ...options: string[]): Promise<Run> {
    return nixpush(this.arguments(root, ...options), { env: { XDG_CACHE_HOME: machine } });
  }

  async pushed(machine: string, root: string, ...options: string[]): Promise<Document> {
    const run = await this.push(machine, root, '--json', ...options);
    assert.equal(run.status, 0, run.stderr);
    return JSON.parse(run.stdout) as Document;
  }
}

/** An application, a library that it needs, and what both need. */
function application(t: Test): Scene {
  const scene = new Scene(t);
  scene.add('libc', '2.36');
  scene.add('library', '1.0', ['libc']);
  scene.add('app', '1.0', ['library', 'libc']);
  return scene;
}

async function registry(t: Test, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const started = await startFaultRegistry(quirks);
  t.after(() => void started.stop());
  return started;
}

/** What was asked of a registry since the last call. */
function asked({ requests }: FaultRegistry): string[] {
  return requests.splice(0).map(({ operation, status }) => `${operation} ${status}`);
}

suite('a push of an image that is there already', () => {
  test('is one look at the tag, without a file of the store', needs('strace'), async (t) => {
    const scene = application(t);
    const there = await registry(t, { auth: { kind: 'bearer' } });
    const machine = temporaryDirectory(t);
    const to = ['--to', `${there.host}/x/demo:1`];
    const { manifest } = await scene.pushed(machine, 'app', ...to);
    asked(there);
    const log = join(machine, 'strace');
    const traced = ['-f', '-e', 'trace=open,openat', '-o', log, process.execPath, CLI];
    // Not blocking, since the registry is in this process.
    const again = await run('strace', [...traced, ...scene.arguments('app', ...to)], {
      HOME: machine,
      XDG_CACHE_HOME: machine,
    });
    assert.equal(again.trim(), `${there.host}/x/demo@${manifest.digest}`);
    assert.deepEqual(asked(there), ['token 200', 'manifest-head 200']);
    const opened = readFileSync(log, 'utf8');
    assert.match(opened, /closure\.json/);
    assert.doesNotMatch(opened, new RegExp(`"${scene.physicalStore}`));
  });

  test('tells the same as the push that made it, warnings included', async (t) => {
    const scene = application(t);
    scene.add('tools', '1', ['app']);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const args = ['tools', '--to', `${there.host}/x`, '--json'] as const;
    const roots = [scene.path('app')];
    const first = await scene.push(machine, ...args, ...roots);
    const again = await scene.push(machine, ...args, ...roots);
    const [one, other] = [first, again].map(({ stdout }) => JSON.parse(stdout) as Document);
    assert.deepEqual(other!.layers, one!.layers);
    assert.deepEqual({ ...other, destinations: [] }, { ...one, destinations: [] });
    assert.match(first.stderr, /no default command/);
    assert.match(again.stderr, /no default command/);
  });

  test('is planned again when anything that it is made of differs', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const push = async (...options: string[]): Promise<string> =>
      (await scene.pushed(machine, 'app', '--to', `${there.host}/x`, ...options)).manifest.digest;
    const digests = [
      await push(),
      await push('--env', 'A=1'),
      await push('--annotation', 'a=1'),
      await push('--max-layers', '2'),
      await push('--no-links'),
      await push('--compression', 'none'),
      await push('--created', '2026-01-01T00:00:00Z'),
    ];
    assert.equal(new Set(digests).size, digests.length);
    scene.add('app', '1.1', ['library', 'libc']);
    assert.ok(!digests.includes(await push()));
  });

  test('moves a tag back that was moved elsewhere', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const { manifest } = await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    await scene.pushed(machine, 'library', '--to', `${there.host}/x`);
    assert.notEqual(there.repository('x').tags.get('latest'), manifest.digest);
    asked(there);
    const again = await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    // One look at the tag, one at the image.
    assert.deepEqual(asked(there), [
      'manifest-head 200',
      'ping 200',
      'manifest-head 200',
      'manifest-put 201',
    ]);
    assert.equal(there.repository('x').tags.get('latest'), again.manifest.digest);
  });

  test('finds out again how a registry wants to be spoken to that has changed', async (t) => {
    const scene = application(t);
    const login = { username: 'me', password: 'secret' };
    const there = await registry(t, { auth: { kind: 'basic', ...login } });
    const machine = temporaryDirectory(t);
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(join(machine, 'config.json'), JSON.stringify({ auths: { [there.host]: { auth } } }));
    const push = async (): Promise<string[]> => {
      const args = scene.arguments('app', '--to', `${there.host}/x`);
      const run = await nixpush(args, { env: { XDG_CACHE_HOME: machine, DOCKER_CONFIG: machine } });
      assert.equal(run.status, 0, run.stderr);
      return asked(there);
    };
    await push();
    assert.deepEqual(await push(), ['manifest-head 200']);
    there.quirks = { auth: { kind: 'bearer', ...login } };
    assert.ok((await push()).includes('ping 401'));
    assert.deepEqual(await push(), ['token 200', 'manifest-head 200']);
    there.quirks = {};
    await push();
    there.quirks = { auth: { kind: 'bearer', ...login } };
    assert.deepEqual(await push(), ['manifest-head 401', 'token 200', 'manifest-head 200']);
  });

  test('says that nothing was sent', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    const { stderr } = await scene.push(machine, 'app', '--to', `${there.host}/x`);
    assert.match(stderr, /pushed 4 layers, none sent, 4 already there, in/);
    assert.doesNotMatch(stderr, /already at/);
  });

  test('only sets a tag that is new', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const { manifest } = await scene.pushed(machine, 'app', '--to', `${there.host}/x:1`);
    asked(there);
    await scene.pushed(machine, 'app', '--to', `${there.host}/x:1`, '--to', `${there.host}/x:2`);
    assert.deepEqual(asked(there).sort(), [
      'manifest-head 200',
      'manifest-head 404',
      'manifest-put 201',
      'ping 200',
    ]);
    await scene.pushed(machine, 'app', '--to', `${there.host}/x:3`);
    assert.deepEqual(asked(there), [
      'ping 200',
      'manifest-head 404',
      'manifest-head 200',
      'manifest-put 201',
    ]);
    assert.equal(there.repository('x').tags.get('2'), manifest.digest);
    assert.equal(there.repository('x').tags.get('3'), manifest.digest);
  });

  test('sends what the registry has lost, and looks for each layer once', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const { layers } = await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    const { blobs, manifests, tags } = there.repository('x');
    const lost = layers[1]!.descriptor.digest;
    blobs.delete(lost);
    manifests.clear();
    tags.clear();
    asked(there);
    await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    const looks = there.requests.filter(({ operation }) => operation === 'blob-head');
    // The layers, and the config.
    assert.equal(looks.length, layers.length + 1);
    assert.ok(blobs.has(lost));
    assert.equal(there.requests.filter(({ operation }) => operation === 'upload-put').length, 1);
  });

  test('repairs a layout that lacks a layer', async (t) => {
    const scene = application(t);
    const machine = temporaryDirectory(t);
    const layout = join(temporaryDirectory(t), 'image');
    const { layers } = await scene.pushed(machine, 'app', '--to', `oci:${layout}`);
    const blob = join(layout, 'blobs', layers[0]!.descriptor.digest.replace(':', '/'));
    rmSync(blob);
    await scene.pushed(machine, 'app', '--to', `oci:${layout}`);
    assert.equal(sha256(readFileSync(blob)), layers[0]!.descriptor.digest);
  });

  test('ends early at one destination and goes on at another', async (t) => {
    const scene = application(t);
    const [first, second] = [await registry(t), await registry(t)];
    const machine = temporaryDirectory(t);
    await scene.pushed(machine, 'app', '--to', `${first.host}/x`);
    asked(first);
    const both = await scene.pushed(machine, 'app', '--to', `${first.host}/x`, '--to', `${second.host}/x`);
    assert.deepEqual(asked(first), ['ping 200', 'manifest-head 200']);
    assert.equal(second.repository('x').tags.get('latest'), both.manifest.digest);
    assert.ok(both.destinations.every(({ reference }) => reference?.endsWith(both.manifest.digest)));
  });
});

suite('--reuse', () => {
  test('auto lets a machine without a cache read only what changed', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const to = ['--to', `${there.host}/x`];
    const before = await scene.pushed(temporaryDirectory(t), 'app', ...to);
    scene.add('app', '1.1', ['library', 'libc']);
    scene.spoil('libc');
    scene.spoil('library');
    const machine = temporaryDirectory(t);
    const after = await scene.pushed(machine, 'app', ...to, '--reuse', 'auto');
    const digests = ({ layers }: Document) => layers.map(({ descriptor }) => descriptor.digest);
    assert.deepEqual(digests(after).slice(0, 2), digests(before).slice(0, 2));
    assert.equal((await scene.push(temporaryDirectory(t), 'app', ...to)).status, 5);
    // What somebody else says is not remembered as known.
    const own = readFileSync(join(machine, 'nixpush/recipes'), 'utf8');
    assert.ok(!own.includes(after.layers[0]!.recipe!));
    assert.ok(own.includes(after.layers[2]!.recipe!));
  });

  test('auto says nothing on the first push; an image that was named must be there', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const to = ['--to', `${there.host}/x`];
    const named = await scene.push(temporaryDirectory(t), 'app', ...to, '--reuse', `${there.host}/x:old`);
    assert.equal(named.status, 4);
    const first = await scene.push(temporaryDirectory(t), 'app', ...to, '--reuse', 'auto', '--verbose');
    assert.equal(first.status, 0);
    assert.doesNotMatch(first.stderr, /warning/);
    assert.match(first.stderr, /nothing to reuse: there is no 127.*\/x:latest yet/);
  });

  test('mounts layers of another repository of the registry', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    await scene.pushed(temporaryDirectory(t), 'app', '--to', `${there.host}/x`);
    for (const name of ['libc', 'library', 'app']) scene.spoil(name);
    there.requests.splice(0);
    await scene.pushed(temporaryDirectory(t), 'app', '--to', `${there.host}/y`, '--reuse', `${there.host}/x`);
    const mounts = asked(there).filter((request) => request === 'upload-mount 201');
    assert.equal(mounts.length, 4);
  });

  test('copies layers from elsewhere, and makes those that are lost there', async (t) => {
    const scene = application(t);
    const [from, to] = [await registry(t), await registry(t)];
    const { layers } = await scene.pushed(temporaryDirectory(t), 'app', '--to', `${from.host}/x`);
    from.repository('x').blobs.delete(layers[0]!.descriptor.digest);
    for (const name of ['library', 'app']) scene.spoil(name);
    await scene.pushed(temporaryDirectory(t), 'app', '--to', `${to.host}/x`, '--reuse', `${from.host}/x`);
    for (const { descriptor } of layers) assert.ok(to.repository('x').blobs.has(descriptor.digest));
  });

  test('does without an image that says nonsense, unless it was named', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const to = ['--to', `${there.host}/x`];
    const { manifest } = await scene.pushed(temporaryDirectory(t), 'app', ...to);
    const held = there.repository('x');
    const fake = (change: (text: string) => string): void => {
      const { bytes, mediaType } = held.manifests.get(manifest.digest)!;
      const changed = Buffer.from(change(bytes.toString()));
      held.manifests.set(sha256(changed), { bytes: changed, mediaType });
      held.tags.set('latest', sha256(changed));
    };
    // A recipe that is none is no recipe; the layer is made.
    fake((text) => text.replaceAll(/"dev.nixpush.recipe":"[^"]*"/g, '"dev.nixpush.recipe":"../x"'));
    assert.equal((await scene.push(temporaryDirectory(t), 'app', ...to, '--reuse', 'auto')).status, 0);
    // As many diffIDs as layers there must be.
    fake((text) => text.replace(/"layers":\[\{[^}]*\{[^}]*\}\},/, '"layers":['));
    const auto = await scene.push(temporaryDirectory(t), 'app', ...to, '--reuse', 'auto');
    assert.match(auto.stderr, /warning: .* is not reused: .* has 3 layers, but its config names 4/);
    assert.equal(held.tags.get('latest'), manifest.digest);
    fake((text) => text.replace(/"layers":\[\{[^}]*\{[^}]*\}\},/, '"layers":['));
    const named = await scene.push(temporaryDirectory(t), 'app', ...to, '--reuse', `${there.host}/x`);
    assert.equal(named.status, 1);
  });
});

suite('the layers of the last push', () => {
  const reasons = ({ layers }: Document): string[] => layers.map(({ reason }) => reason ?? '');

  test('stay as they are while their paths do, under a new tag too', async (t) => {
    const scene = application(t);
    const layout = `oci:${join(temporaryDirectory(t), 'image')}`;
    const machine = temporaryDirectory(t);
    const options = ['--max-layers', '3'];
    const first = await scene.pushed(machine, 'app', '--to', `${layout}:1`, ...options);
    assert.ok(!reasons(first).includes('kept from the earlier image'));
    scene.add('app', '1.1', ['library', 'libc']);
    const second = await scene.pushed(machine, 'app', '--to', `${layout}:2`, ...options);
    assert.equal(reasons(second)[0], 'kept from the earlier image');
    assert.equal(second.layers[0]!.descriptor.digest, first.layers[0]!.descriptor.digest);
    const pure = await scene.pushed(machine, 'app', '--to', `${layout}:2`, ...options, '--no-cache');
    assert.ok(!reasons(pure).includes('kept from the earlier image'));
  });

  test('are planned anew where they leave no room, and a dry run says so', async (t) => {
    const scene = application(t);
    const to = ['--to', `oci:${join(temporaryDirectory(t), 'image')}`];
    const machine = temporaryDirectory(t);
    await scene.pushed(machine, 'app', ...to);
    const fewer = await scene.pushed(machine, 'app', ...to, '--max-layers', '2', '--dry-run');
    assert.match(fewer.plannedAnew!, /would use up all 1 layers/);
    const { stdout } = await scene.push(machine, 'app', ...to, '--max-layers', '2', '--dry-run');
    assert.match(stdout, /^LAYER .* WHY .*CONTENT$/m);
    assert.match(stdout, /3 paths that change together/);
    assert.match(stdout, /^all layers are planned anew: keeping/m);
  });

  test('make an unchanged image the very same again', async (t) => {
    const scene = application(t);
    const machine = temporaryDirectory(t);
    const to = ['--to', `oci:${join(temporaryDirectory(t), 'image')}`, '--max-layers', '3'];
    const first = await scene.pushed(machine, 'app', ...to);
    scene.add('app', '1.1', ['library', 'libc']);
    const second = await scene.pushed(machine, 'app', ...to);
    const third = await scene.pushed(machine, 'app', ...to);
    assert.notEqual(second.manifest.digest, first.manifest.digest);
    assert.equal(third.manifest.digest, second.manifest.digest);
  });
});

suite('nixpush cache', () => {
  test('tells what each part is for, and clears all of it', async (t) => {
    const scene = application(t);
    const there = await registry(t);
    const machine = temporaryDirectory(t);
    const cache = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await nixpush(['cache', ...args], {
        env: { XDG_CACHE_HOME: machine },
      });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    assert.equal(await cache('info'), `${machine}/nixpush: 0 files, 0 B\n`);
    await scene.pushed(machine, 'app', '--to', `${there.host}/x`);
    const info = JSON.parse(await cache('info', '--json')) as {
      files: number;
      parts: { name: string; purpose: string }[];
    };
    assert.deepEqual(
      info.parts.map(({ name }) => name),
      readdirSync(join(machine, 'nixpush')).sort(),
    );
    assert.ok(info.parts.every(({ purpose }) => purpose !== 'of another version of nixpush'));
    assert.match(await cache('clear'), new RegExp(`removed ${info.files} files`));
    assert.deepEqual(readdirSync(join(machine, 'nixpush')), []);
  });
});

async function run(program: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr, { cause: error }));
    });
  });
}
