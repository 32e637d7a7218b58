import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { lock, push } from '../../src/index.ts';
import { parseReference } from '../../src/stores/reference.ts';
import { startFaultRegistry, type FaultRegistry } from '../../src/testing/index.ts';
import { openImageStore } from '../../src/verbs/open-store.ts';
import { putBaseImage } from '../support/base-images.ts';
import { nixpush } from '../support/nixpush.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

interface Scene {
  readonly home: FaultRegistry;
  readonly file: string;
  readonly directory: string;
  /** Tags an image made of `text`, and gives its digest. */
  readonly put: (name: string, text: string) => Promise<string>;
}

async function scene(t: Test): Promise<Scene> {
  const home = await startFaultRegistry();
  t.after(() => void home.stop());
  const directory = temporaryDirectory(t);
  const put = async (name: string, text: string): Promise<string> => {
    const reference = parseReference(`${home.host}/${name}`);
    const store = await openImageStore(reference, { create: true });
    const { descriptor } = await putBaseImage(store, { layers: [{ text }] }, reference.tag!);
    await store.close();
    return descriptor.digest;
  };
  return { home, directory, file: join(directory, 'nixpush.lock'), put };
}

suite('a lock', () => {
  test('keeps the digests of tags, names sorted, in the same bytes whichever came first', async (t) => {
    const { home, file, directory, put } = await scene(t);
    const [b, a] = [await put('x/b:2', 'b'), await put('x/a:latest', 'a')];
    const { images } = await lock([`${home.host}/x/b:2`, `docker://${home.host}/x/a`], { file });
    assert.deepEqual(images, [
      { name: `${home.host}/x/a:latest`, digest: a, state: 'new' },
      { name: `${home.host}/x/b:2`, digest: b, state: 'new' },
    ]);
    const text = readFileSync(file, 'utf8');
    assert.equal(
      text,
      `{
  "version": 1,
  "images": {
    "${home.host}/x/a:latest": {
      "digest": "${a}"
    },
    "${home.host}/x/b:2": {
      "digest": "${b}"
    }
  }
}
`,
    );
    const other = join(directory, 'other.lock');
    await lock([`${home.host}/x/a`], { file: other });
    await lock([`${home.host}/x/b:2`], { file: other });
    assert.equal(readFileSync(other, 'utf8'), text);
  });

  test('costs one HEAD for each image', async (t) => {
    const { home, file, put } = await scene(t);
    for (const name of ['a', 'b', 'c']) await put(`x/${name}:1`, name);
    home.requests.length = 0;
    await lock(
      ['a', 'b', 'c'].map((name) => `${home.host}/x/${name}:1`),
      { file },
    );
    assert.deepEqual(home.dialogue(), ['HEAD 200', 'HEAD 200', 'HEAD 200']);
  });

  test('follows all of its tags when none is named, those named otherwise', async (t) => {
    const { home, file, put } = await scene(t);
    const [a, b] = [`${home.host}/x/a:1`, `${home.host}/x/b:1`];
    const before = [await put('x/a:1', 'a'), await put('x/b:1', 'b')];
    await lock([a, b], { file });
    const after = [await put('x/a:1', 'other a'), await put('x/b:1', 'other b')];
    const one = await lock([b], { file });
    assert.deepEqual(one.images, [{ name: b, digest: after[1], locked: before[1], state: 'moved' }]);
    const all = await lock([], { file });
    assert.deepEqual(
      all.images.map(({ digest, state }) => [digest, state]),
      [
        [after[0], 'moved'],
        [after[1], 'unchanged'],
      ],
    );
  });

  test('is not written where a tag is missing, nor while it is checked', async (t) => {
    const { home, file, put } = await scene(t);
    await put('x/a:1', 'a');
    await lock([`${home.host}/x/a:1`], { file });
    const before = readFileSync(file, 'utf8');
    await put('x/a:1', 'other');
    await assert.rejects(lock([`${home.host}/x/a:1`, `${home.host}/x/a:none`], { file }), {
      code: 'ERR_NOT_FOUND',
    });
    const checked = await lock([], { file, check: true });
    assert.deepEqual(
      checked.images.map(({ state }) => state),
      ['moved'],
    );
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  test('stays a link if its file is one', async (t) => {
    const { home, directory, put } = await scene(t);
    await put('x/a:1', 'a');
    mkdirSync(join(directory, 'deeper'));
    const [target, link] = [join(directory, 'deeper/real.lock'), join(directory, 'link.lock')];
    writeFileSync(target, '{"version":1,"images":{}}');
    symlinkSync(target, link);
    await lock([`${home.host}/x/a:1`], { file: link });
    assert.equal(lstatSync(link).isSymbolicLink(), true);
    assert.equal(readFileSync(target, 'utf8').includes(`${home.host}/x/a:1`), true);
  });
});

suite('a lock file is refused', () => {
  for (const [what, text, message] of [
    ['no JSON', '<<<<<<< HEAD', /is not JSON$/],
    ['something else', '{"nodes": {}}', /is not a lock file of nixpush$/],
    ['of another version', '{"version": 2, "images": {}}', /is of version 2, not 1$/],
    [
      'with a short name',
      '{"version": 1, "images": {"debian:12": {}}}',
      /has debian:12, which is no full name$/,
    ],
    [
      'with a digest that is none',
      '{"version": 1, "images": {"docker.io/library/debian:12": {"digest": "sha256:../x"}}}',
      /"sha256:\.\.\/x" is not a sha256 or sha512 digest$/,
    ],
  ] as const)
    test(`that is ${what}`, async (t) => {
      const file = join(temporaryDirectory(t), 'nixpush.lock');
      writeFileSync(file, text);
      await assert.rejects(lock([], { file }), { code: 'ERR_FORMAT', message });
    });

  test('that is not there, unless images are named', async (t) => {
    const file = join(temporaryDirectory(t), 'nixpush.lock');
    await assert.rejects(lock([], { file }), { code: 'ERR_NOT_FOUND', message: `there is no ${file}` });
    await assert.rejects(lock(['x'], { file, check: true }), { code: 'ERR_NOT_FOUND' });
  });

  for (const text of ['oci:image', 'docker-archive:x.tar', `debian@sha256:${'0'.repeat(64)}`])
    test(`for what has no tag that could move: ${text.slice(0, 20)}`, async (t) => {
      const file = join(temporaryDirectory(t), 'nixpush.lock');
      await assert.rejects(lock([text], { file }), { code: 'ERR_USAGE' });
      assert.equal(existsSync(file), false);
    });
});

suite('nixpush lock --check', () => {
  test('ends with 1 and says which tag moved, with 0 when none did', async (t) => {
    const { home, directory, put } = await scene(t);
    const names = [`${home.host}/x/a:1`, `${home.host}/x/b:1`];
    const before = await put('x/a:1', 'a');
    await put('x/b:1', 'b');
    const locked = await nixpush(['lock', ...names], { cwd: directory });
    assert.equal(locked.status, 0, locked.stderr);
    assert.equal(locked.stdout.startsWith(`${names[0]}@${before}\n`), true);
    const same = await nixpush(['lock', '--check'], { cwd: directory });
    assert.deepEqual([same.status, same.stdout, same.stderr], [0, '', '']);
    const after = await put('x/a:1', 'other');
    const moved = await nixpush(['lock', '--check'], { cwd: directory });
    assert.deepEqual([moved.status, moved.stdout], [1, `${names[0]} moved from ${before} to ${after}\n`]);
  });

  test('ends with 1 for an image that the file does not have', async (t) => {
    const { home, directory, put } = await scene(t);
    for (const name of ['a', 'b']) await put(`x/${name}:1`, name);
    await nixpush(['lock', `${home.host}/x/a:1`], { cwd: directory });
    const { status, stdout } = await nixpush(['lock', '--check', `${home.host}/x/b:1`], { cwd: directory });
    assert.deepEqual([status, stdout], [1, `${home.host}/x/b:1 is not in nixpush.lock\n`]);
  });
});

suite('a push onto a base image that is locked', () => {
  interface PushScene extends Scene {
    readonly push: (from: string, lock?: string) => ReturnType<typeof push>;
  }

  async function pushScene(t: Test): Promise<PushScene> {
    const made = await scene(t);
    const store = new StoreBuilder(made.directory);
    const tool = store.add('tool-1.0', { bin: { tool: { program: '#!/bin/sh\n' } } });
    const closure = join(made.directory, 'closure.json');
    writeFileSync(closure, JSON.stringify([{ ...tool, references: [] }]));
    const options = { paths: [tool.path], store: made.directory, closure, platform: 'linux/amd64' };
    const to = [`oci:${made.directory}/image`];
    return {
      ...made,
      push: async (from, file) => push({ ...options, from, to, ...(file !== undefined && { lock: file }) }),
    };
  }

  test('takes the digest of the lock, wherever the tag points now', async (t) => {
    const { home, file, put, push: pushOnto } = await pushScene(t);
    const digest = await put('x/base:1', 'a');
    await lock([`${home.host}/x/base:1`], { file });
    await put('x/base:1', 'other');
    const { base } = await pushOnto(`${home.host}/x/base:1`, file);
    assert.equal(base!.reference, `${home.host}/x/base@${digest}`);
  });

  test('fails if the lock does not have it, and says how to add it', async (t) => {
    const { home, file, put, push: pushOnto } = await pushScene(t);
    await put('x/base:1', 'a');
    await lock([`${home.host}/x/base:1`], { file });
    await assert.rejects(pushOnto(`${home.host}/x/base:2`, file), {
      code: 'ERR_NOT_FOUND',
      message: `${file} has no ${home.host}/x/base:2`,
      hint: `Add it with nixpush lock ${home.host}/x/base:2 --file ${file}.`,
    });
  });
});
