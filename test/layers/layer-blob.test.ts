import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { sha256 } from '../../src/base/digest.ts';
import { parseCodec } from '../../src/layers/codec.ts';
import { WorkerPool } from '../../src/layers/engine/pool.ts';
import type { RawBlock } from '../../src/layers/engine/protocol.ts';
import { recipeBlocks } from '../../src/layers/engine/recipe-blocks.ts';
import { LayerBlob, type LayerFacts } from '../../src/layers/layer-blob.ts';
import { ROOT_OWNER, type LayerRecipe } from '../../src/layers/recipe.ts';
import { needs } from '../support/peers.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Text that compresses, bytes that do not, zeros: 11 MiB, so that there are several blocks of every codec. */
const content = {
  'a-text': 'all work and no play makes jack a dull boy\n'.repeat(90_000),
  'b-random': randomBytes(3_333_333),
  'c-zeros': new Uint8Array(4_444_444),
};

function makeRecipe(
  t: { after(fn: () => void): void },
  compression: string,
): LayerRecipe & { store: StoreBuilder } {
  const store = new StoreBuilder(temporaryDirectory(t));
  const paths = [store.add('x', content), store.add('y', 'small')];
  return {
    store,
    content: { kind: 'store-paths', trees: store.trees, paths },
    owner: ROOT_OWNER,
    codec: parseCodec(compression),
  };
}

function layerBlob(pool: WorkerPool, recipe: LayerRecipe, known?: LayerFacts): LayerBlob {
  const { codec } = recipe;
  return new LayerBlob(pool, {
    blocks: () => recipeBlocks(pool, recipe),
    codec,
    what: 'layer 1',
    ...(known !== undefined && { known }),
  });
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

suite('a layer as a blob', () => {
  const pool = new WorkerPool(2);
  after(async () => pool.close());

  const decoders = {
    gzip: gunzipSync,
    'gzip:1': gunzipSync,
    zstd: unzstd,
    none: (bytes: Uint8Array) => bytes,
  };
  for (const [compression, decode] of Object.entries(decoders)) {
    test(`${compression}: digest, size and diffID are those of the bytes given`, async (t) => {
      const blob = layerBlob(pool, makeRecipe(t, compression));
      assert.equal(blob.facts, undefined);
      const bytes = await collect(blob.open(0));
      assert.deepEqual(blob.facts, {
        digest: sha256(bytes),
        size: bytes.byteLength,
        diffId: sha256(decode(bytes)),
      });
    });

    test(`${compression}: the bytes do not depend on the number of threads`, async (t) => {
      const recipe = makeRecipe(t, compression);
      const digests = new Set<string>();
      for (const threads of [1, 2, 5]) {
        const other = new WorkerPool(threads);
        digests.add(sha256(await collect(layerBlob(other, recipe).open(0))));
        await other.close();
      }
      assert.equal(digests.size, 1);
    });

    test(`${compression}: a later pass gives the same bytes from any offset`, async (t) => {
      const blob = layerBlob(pool, makeRecipe(t, compression));
      const bytes = await collect(blob.open(0));
      for (const offset of [1, 9, 10, 100_000, bytes.byteLength - 1, bytes.byteLength])
        assert.ok(bytes.subarray(offset).equals(await collect(blob.open(offset))), `from ${offset}`);
    });
  }

  test('another implementation of SHA-256 gives the same digests', async (t) => {
    const blob = layerBlob(pool, makeRecipe(t, 'zstd'));
    const bytes = await collect(blob.open(0));
    const digest = (data: Uint8Array): string => `sha256:${Buffer.from(nobleSha256(data)).toString('hex')}`;
    assert.equal(blob.facts!.digest, digest(bytes));
    assert.equal(blob.facts!.diffId, digest(unzstd(bytes)));
  });

  test('programs of others read it', needs('gzip', 'zstd'), async (t) => {
    for (const [compression, command] of [
      ['gzip', 'gzip'],
      ['zstd', 'zstd'],
    ] as const) {
      const blob = layerBlob(pool, makeRecipe(t, compression));
      const input = await collect(blob.open(0));
      const output = execFileSync(command, ['-dc'], { input, maxBuffer: 2 ** 26 });
      assert.equal(`sha256:${createHash('sha256').update(output).digest('hex')}`, blob.facts!.diffId);
    }
  });

  test('many layers at once do not mix', async (t) => {
    const recipes = ['gzip', 'none', 'zstd', 'gzip:9'].map((compression) => makeRecipe(t, compression));
    const blobs = Array.from({ length: 12 }, (_, i) => layerBlob(pool, recipes[i % 4]!));
    const bytes = await Promise.all(blobs.map(async (blob) => collect(blob.open(0))));
    for (const [i, blob] of blobs.entries()) assert.equal(blob.facts!.digest, sha256(bytes[i]!));
    assert.equal(new Set(blobs.map(({ facts }) => facts!.diffId)).size, 1);
    assert.equal(new Set(blobs.map(({ facts }) => facts!.digest)).size, 4);
  });

  test('bytes other than the remembered ones are refused at the end', async (t) => {
    const known = { diffId: sha256('a'), digest: sha256('b'), size: 1 };
    const blob = layerBlob(pool, makeRecipe(t, 'gzip'), known);
    await assert.rejects(collect(blob.open(0)), { code: 'ERR_INTEGRITY' });
  });

  test('a source that changed between two passes is refused', async (t) => {
    const recipe = makeRecipe(t, 'gzip');
    const blob = layerBlob(pool, recipe);
    await collect(blob.open(0));
    const file = join(recipe.store.trees.directory, `${'0'.repeat(31)}2-y`);
    chmodSync(file, 0o644);
    writeFileSync(file, 'SMALL');
    await assert.rejects(collect(blob.open(0)), {
      code: 'ERR_INTEGRITY',
      message: 'layer 1 changed while it was pushed',
    });
  });

  test('a source that changed after a pass that broke off is refused where it changed', async (t) => {
    const recipe = makeRecipe(t, 'none');
    const blob = layerBlob(pool, recipe);
    let first = 0;
    for await (const piece of blob.open(0)) {
      first += piece.byteLength;
      if (first > 5_000_000) break;
    }
    const file = join(recipe.store.trees.directory, `${'0'.repeat(31)}1-x/a-text`);
    chmodSync(file, 0o644);
    writeFileSync(file, content['a-text'].toUpperCase());
    let again = 0;
    const pass = async (): Promise<void> => {
      for await (const piece of blob.open(0)) again += piece.byteLength;
    };
    await assert.rejects(pass(), { code: 'ERR_INTEGRITY', message: 'layer 1 changed while it was pushed' });
    assert.equal(again, 0);
  });

  test('another process goes on only with the same bytes', async (t) => {
    const recipe = makeRecipe(t, 'gzip');
    const blob = layerBlob(pool, recipe);
    const bytes = await collect(blob.open(0));
    const { checkpoint } = blob;
    assert.equal(checkpoint!.offset, bytes.byteLength);

    const later = layerBlob(pool, recipe);
    assert.ok(bytes.subarray(1000).equals(await collect(later.open(1000, undefined, checkpoint))));
    const other = { ...checkpoint!, hash: createHash('sha256').digest('base64') };
    await assert.rejects(collect(layerBlob(pool, recipe).open(1000, undefined, other)), {
      code: 'ERR_INTEGRITY',
    });
  });

  test('what it came to is told before the first pass ends, once', async (t) => {
    const recipe = makeRecipe(t, 'gzip');
    const told: unknown[] = [];
    const blob = new LayerBlob(pool, {
      blocks: () => recipeBlocks(pool, recipe),
      codec: recipe.codec,
      what: 'layer 1',
      onMade: async (facts) => void told.push(facts),
    });
    for await (const _ of blob.open(0)) if (blob.facts !== undefined) assert.deepEqual(told, [blob.facts]);
    await collect(blob.open(0));
    assert.deepEqual(told, [blob.facts]);
  });

  test('the event loop turns before each block, also of blocks that are all ready', async () => {
    let turn = 0;
    let immediate = setImmediate(count);
    function count(): void {
      turn += 1;
      immediate = setImmediate(count);
    }
    const raw = new Uint8Array(1000);
    async function* blocks(): AsyncGenerator<RawBlock, void, void> {
      for (let left = 9; left > 0; left--) yield { raw };
      yield { raw, end: { diffId: sha256(''), size: 10_000, crc32: 0 } };
    }
    const blob = new LayerBlob(pool, { blocks, codec: parseCodec('none'), what: 'layer 1' });
    const turns = new Set<number>();
    for await (const _ of blob.open(0)) turns.add(turn);
    clearImmediate(immediate);
    assert.equal(turns.size, 10);
  });

  test('a file that is missing fails the pass, and the pool goes on', async (t) => {
    const recipe = makeRecipe(t, 'gzip');
    rmSync(join(recipe.store.trees.directory, `${'0'.repeat(31)}2-y`));
    await assert.rejects(collect(layerBlob(pool, recipe).open(0)), {
      code: 'ERR_NOT_FOUND',
    });
    const whole = layerBlob(pool, makeRecipe(t, 'gzip'));
    assert.ok((await collect(whole.open(0))).byteLength > 0);
  });

  test('a pass can be left, or aborted, in the middle', async (t) => {
    const blob = layerBlob(pool, makeRecipe(t, 'none'));
    for await (const piece of blob.open(0)) {
      assert.ok(piece.byteLength > 0);
      break;
    }
    assert.equal(blob.facts, undefined);
    const controller = new AbortController();
    await assert.rejects(
      async () => {
        for await (const piece of blob.open(0, controller.signal)) controller.abort(piece);
      },
      { code: 'ERR_ABORTED' },
    );
    await collect(blob.open(0));
    assert.ok(blob.facts);
  });
});
