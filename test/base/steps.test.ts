import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atOnce, inSlices, stepwise, type Steps } from '../../src/base/steps.ts';

function* count(steps: number): Steps<number> {
  let made = 0;
  for (; made < steps; made++) yield;
  return made;
}

test('steps made at once give their result', () => {
  assert.equal(atOnce(count(3)), 3);
});

test('steps made in slices give their result', async () => {
  assert.equal(await inSlices(count(3)), 3);
});

test('the event loop turns while steps are made in slices', async () => {
  const loop = { turned: false };
  // Ends only if others have their turn.
  function* untilTurned(): Steps<void> {
    setImmediate(() => {
      loop.turned = true;
    });
    while (!loop.turned) yield;
  }
  await inSlices(untilTurned());
});

test('what a step throws is thrown, at once and in slices', async () => {
  const failing = (): Steps<void> =>
    stepwise([1, 2], (item) => {
      if (item === 2) throw new Error('the second');
    });
  assert.throws(() => {
    atOnce(failing());
  }, /the second/);
  await assert.rejects(inSlices(failing()), /the second/);
});

test('each item is visited in a step of its own', () => {
  const visited: string[] = [];
  const steps = stepwise('abc', (item) => visited.push(item));
  steps.next();
  assert.deepEqual(visited, ['a']);
  atOnce(steps);
  assert.deepEqual(visited, ['a', 'b', 'c']);
});
