import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

const MIB = 2 ** 20;

/** Pieces of 1 MiB, each filled with its number; offsets are in bytes. */
function largeSource(mebibytes: number): BlobSource & { passes: number[] } {
  return {
    what: 'large',
    id: undefined,
    passes: [],
    async *open(offset: number) {
      this.passes.push(offset);
      for (let at = offset / MIB; at < mebibytes; at++) yield new Uint8Array(MIB).fill(at);
    },
  };
}

/** The numbers of the pieces. */
async function numbers(bytes: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const piece of bytes) all.push(piece[0]!);
  return all;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

suite('one generation for several destinations', () => {
  test('all get all bytes of a single pass', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 3);
    const results = await Promise.all(branches.map((branch) => collect(branch.open(0))));
    assert.deepEqual(results, [five, five, five]);
    assert.deepEqual(source.passes, [0]);
  });

  test('one that comes late gets all bytes of the same pass; one that needs nothing is not waited for', async () => {
    const source = countingSource(5);
    const { branches } = new FanOut(source, 3);
    const first = collect(branches[0]!.open(0));
    branches[1]!.release();
    assert.deepEqual(await first, five);
    assert.deepEqual(await collect(branches[2]!.open(0)), five);
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

  test('one that is given up for the shared pass reads what makes the bytes again', async () => {
    const [source, again] = [countingSource(5), countingSource(5)];
    const { branches } = new FanOut(source, 2, again);
    branches[1]!.release();
    const all = await Promise.all(branches.map((branch) => collect(branch.open(0))));
    assert.deepEqual(all, [five, five]);
    assert.deepEqual([source.passes, again.passes], [[0], [0]]);
  });

  test('bytes that are held are let go when the shared pass needs them no more, whoever still reads', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const again = countingSource(5);
    let held: BlobSource | undefined = countingSource(5);
    const remembered = new WeakRef(held);
    const { branches } = new FanOut(held, 2, again);
    held = undefined;
    branches[1]!.release();
    const reading = branches[1]!.open(0)[Symbol.asyncIterator]();
    await reading.next();
    collectGarbage();
    assert.ok(remembered.deref() !== undefined);
    assert.deepEqual(await collect(branches[0]!.open(0)), five);
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    assert.equal(remembered.deref(), undefined);
    assert.deepEqual(await reading.next(), { value: Uint8Array.of(1), done: false });
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

  test('one that stops taking neither stops nor slows the others, and goes on by itself later', async () => {
    const source = largeSource(50);
    const { branches } = new FanOut(source, 3);
    const stalled = branches[0]!.open(0)[Symbol.asyncIterator]();
    const first = stalled.next();
    const others = await Promise.all([1, 2].map((at) => numbers(branches[at]!.open(0))));
    assert.deepEqual(others, [upTo(50), upTo(50)]);
    assert.deepEqual(source.passes, [0]);
    const rest = await numbers({ [Symbol.asyncIterator]: () => stalled });
    assert.deepEqual([(await first).value![0], ...rest], upTo(50));
    assert.equal(source.passes.length, 2);
    assert.ok(source.passes[1]! > 0 && source.passes[1]! < 50 * MIB, 'what was kept is not made again');
  });

  test('one that never opens does not stop the others, and may come when all is over', async () => {
    const source = largeSource(50);
    const { branches } = new FanOut(source, 2);
    assert.deepEqual(await numbers(branches[0]!.open(0)), upTo(50));
    assert.deepEqual(await numbers(branches[1]!.open(0)), upTo(50));
    assert.deepEqual(source.passes, [0, 0]);
  });

  test('those that lag now and then, within the window, share the pass to its end', async () => {
    const source = largeSource(30);
    const { branches } = new FanOut(source, 2);
    const passes = branches.map((branch) => branch.open(0)[Symbol.asyncIterator]());
    const got: number[][] = [[], []];
    // One is ahead by three, then the other.
    for (let round = 0; got[0]!.length < 30 || got[1]!.length < 30; round++) {
      for (let n = 0; n < 3; n++) {
        const { done, value } = await passes[round % 2]!.next();
        if (done !== true) got[round % 2]!.push(value[0]!);
      }
    }
    assert.deepEqual(got, [upTo(30), upTo(30)]);
    assert.deepEqual(source.passes, [0]);
  });

  test('who reads on after leaving is not told that this was the end', async () => {
    const { branches } = new FanOut(countingSource(5), 1);
    const pass = branches[0]!.open(0)[Symbol.asyncIterator]();
    await pass.next();
    branches[0]!.release();
    await assert.rejects(pass.next(), { code: 'ERR_ABORTED' });
  });
});
