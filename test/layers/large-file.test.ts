import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCodec } from '../../src/layers/codec.ts';
import { LayerReader } from '../../src/layers/engine/layer-reader.ts';
import { ROOT_OWNER } from '../../src/layers/recipe.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const options =
  process.env['NIXPUSH_LONG_TESTS'] === undefined
    ? { skip: 'reads 8 GiB twice (npm run test:long does)' }
    : needs('python3');

test("a file above 8 GiB, whose size ustar cannot say, is what Python's tarfile writes", options, (t) => {
  const store = new StoreBuilder(temporaryDirectory(t));
  const { path } = store.add('large', { file: 'start' });
  // A hole: it takes no room on the disk.
  truncateSync(join(store.trees.directory, path.slice('/nix/store/'.length), 'file'), 2 ** 33 + 1);
  const content = { kind: 'store-paths', trees: store.trees, paths: [store.describe(path)] } as const;
  const block = new Uint8Array(2 ** 20);
  const reader = new LayerReader({ content, owner: ROOT_OWNER, codec: parseCodec('none') });
  let { end } = reader.next(block);
  while (end === undefined) ({ end } = reader.next(block));
  const script = join(repoRoot, 'test/support/python/tar_writer.py');
  const digest = execFileSync('python3', [script, store.trees.storeDir, store.trees.directory, path], {
    encoding: 'utf8',
  });
  assert.equal(end.diffId, digest.trim());
});
