import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { sha256 } from '../../src/base/digest.ts';
import { cacheDirectory } from '../../src/base/cache-directory.ts';
import { RecipeCache } from '../../src/layers/recipe-cache.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const facts = (name: string) => ({
  diffId: sha256(`${name} diff`),
  digest: sha256(`${name} blob`),
  size: 123_456,
});

test('what was remembered is there for the next process', async (t) => {
  const directory = join(temporaryDirectory(t), 'not', 'there', 'yet');
  await new RecipeCache(directory).set(sha256('a'), facts('a'));
  const later = new RecipeCache(directory);
  assert.deepEqual(await later.get(sha256('a')), facts('a'));
  assert.equal(await later.get(sha256('b')), undefined);
});

test('a line cut anywhere is passed over, and so is rubbish', async (t) => {
  const directory = temporaryDirectory(t);
  await new RecipeCache(directory).set(sha256('a'), facts('a'));
  const file = join(directory, 'recipes');
  const whole = readFileSync(file, 'utf8').trim();
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file, whole.slice(0, length));
    assert.equal(await new RecipeCache(directory).get(sha256('a')), undefined, `cut at ${length}`);
    await new RecipeCache(directory).set(sha256('b'), facts('b'));
    assert.deepEqual(
      await new RecipeCache(directory).get(sha256('b')),
      facts('b'),
      `after a cut at ${length}`,
    );
  }
  writeFileSync(file, `rubbish\n\0\xff\n${whole}\n${whole} more\n`);
  assert.deepEqual(await new RecipeCache(directory).get(sha256('a')), facts('a'));
});

test('a corrected entry wins over the older one', async (t) => {
  const directory = temporaryDirectory(t);
  await new RecipeCache(directory).set(sha256('a'), facts('wrong'));
  await new RecipeCache(directory).set(sha256('a'), facts('a'));
  assert.deepEqual(await new RecipeCache(directory).get(sha256('a')), facts('a'));
});

test('it stays bounded, and what was added last stays', async (t) => {
  const directory = temporaryDirectory(t);
  const line = `${sha256('old')} 1 ${sha256('old')} ${sha256('old')}\n`;
  writeFileSync(join(directory, 'recipes'), line.repeat(Math.ceil((8 * 2 ** 20) / line.length)));
  await new RecipeCache(directory).set(sha256('new'), facts('new'));
  assert.ok(statSync(join(directory, 'recipes')).size < 5 * 2 ** 20);
  assert.deepEqual(await new RecipeCache(directory).get(sha256('new')), facts('new'));
});

test('a cache that cannot be written is no error', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'file'), '');
  const cache = new RecipeCache(join(directory, 'file', 'below'));
  await cache.set(sha256('a'), facts('a'));
  assert.deepEqual(await cache.get(sha256('a')), facts('a'));
  chmodSync(join(directory, 'file'), 0o400);
});

test('processes that write at once lose nothing', async (t) => {
  const directory = temporaryDirectory(t);
  const module = new URL('../../src/layers/recipe-cache.js', import.meta.url).href;
  const digest = new URL('../../src/base/digest.js', import.meta.url).href;
  const script = `
    const { RecipeCache } = await import(${JSON.stringify(module)});
    const { sha256 } = await import(${JSON.stringify(digest)});
    const cache = new RecipeCache(${JSON.stringify(directory)});
    for (let i = 0; i < 50; i++) {
      const name = process.argv[1] + '-' + i;
      await cache.set(sha256(name), { diffId: sha256(name + ' diff'), digest: sha256(name + ' blob'), size: 123456 });
    }`;
  await Promise.all(
    ['p', 'q', 'r', 's'].map((name) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, name]),
    ),
  );
  const cache = new RecipeCache(directory);
  for (const process of ['p', 'q', 'r', 's'])
    for (let i = 0; i < 50; i++)
      assert.deepEqual(await cache.get(sha256(`${process}-${i}`)), facts(`${process}-${i}`));
});

test('the directory is the one of XDG', () => {
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/x' }), '/x/nixpush');
  assert.match(cacheDirectory({}), /\/\.cache\/nixpush$/);
});
