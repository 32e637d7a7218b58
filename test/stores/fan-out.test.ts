import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FanOut } from '../../src/stores/fan-out.ts';
import type { BlobSource } from '../../src/stores/image-store.ts';

/** Counts its passes; fails after `failAfter` pieces. */
function countingSource(
  pieces: number,
  failAfter = Infinity,
): BlobSource & { passes: number[]; given: number } {
  return {
    what: 'test',
    id: undefined,
    passes: [],
    given: 0,
    async *open(offset: number) {
      this.passes.push(offset);
      for (let i = offset; i < pieces; i++) {
        if (i >= failAfter) throw new Error('source failed');
        this.given++;
        yield Uint8Array.of(i);
      }
    },
  };
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const piece of bytes) all.push(...piece);
  return all;
}

const five = [0, 1, 2, 3, 4];

suite('one generation for several destinations', () => {
  test('all get all bytes of a single pass', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 3);
    const results = await Promise.all(branches.map((branch) => collect(branch.open(0))));
    assert.deepEqual(results, [five, five, five]);
    assert.deepEqual(source.passes, [0]);
  });

  test('it waits for those who come late, and not for those who need nothing', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 3);
    const first = collect(branches[0]!.open(0));
    branches[1]!.release();
    assert.deepEqual(source.passes, []);
    const last = collect(branches[2]!.open(0));
    assert.deepEqual(await Promise.all([first, last]), [five, five]);
    assert.deepEqual(source.passes, [0]);
  });

  test('one that goes on in the middle has a pass of its own, and the others do not wait for it', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 2);
    const shared = collect(branches[0]!.open(0));
    assert.deepEqual(await collect(branches[1]!.open(3)), [3, 4]);
    assert.deepEqual(await shared, five);
    assert.deepEqual(new Set(source.passes), new Set([0, 3]));
  });

  test('if nobody needs it, nothing is made', () => {
    const source = countingSource(5);
    for (const branch of new FanOut(source, 2).branches) branch.release();
    assert.deepEqual(source.passes, []);
  });

  test('one that leaves in the middle does not hold up the others', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 2);
    const leave = async (): Promise<void> => {
      for await (const piece of branches[1]!.open(0)) if (piece[0] === 1) return;
    };
    const [all] = await Promise.all([collect(branches[0]!.open(0)), leave()]);
    assert.deepEqual(all, five);
    assert.deepEqual(source.passes, [0]);
  });

  test('when all have left, the source stops', async () => {
    const source = countingSource(1000);
    const { branches } = new FanOut(source, 1);
    for await (const piece of branches[0]!.open(0)) if (piece[0] === 2) break;
    branches[0]!.release();
    assert.ok(source.given < 10);
  });

  test('opening again, or from an offset, is a pass of its own', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 2);
    const shared = Promise.all(branches.map((branch) => collect(branch.open(0))));
    await shared;
    assert.deepEqual(await collect(branches[0]!.open(0)), five);
    assert.deepEqual(await collect(branches[1]!.open(3)), [3, 4]);
    assert.deepEqual(source.passes, [0, 0, 3]);
  });

  test('a failing source fails all who listen', async () => {
    const { branches } = new FanOut(countingSource(5, 3), 2);
    const results = await Promise.allSettled(branches.map((branch) => collect(branch.open(0))));
    assert.deepEqual(
      results.map((result) => result.status === 'rejected' && (result.reason as Error).message),
      ['source failed', 'source failed'],
    );
  });

  test('an abort ends one branch with its reason', async () => {
    const { branches } = new FanOut(countingSource(5), 2);
    const controller = new AbortController();
    const aborted = collect(branches[0]!.open(0, controller.signal));
    controller.abort(new Error('enough'));
    await assert.rejects(aborted, { message: 'enough' });
    assert.deepEqual(await collect(branches[1]!.open(0)), five);
  });
});
