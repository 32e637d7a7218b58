import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLayerWeights, weightsOf } from '../../../src/layers/plan/weights.ts';

const hello = `/nix/store/${'a'.repeat(32)}-hello-2.12.1`;

test('a weight is looked up by store path, then name, then package name', () => {
  const all: [string, number][] = [
    ['hello', 2],
    ['hello-2.12.1', 3],
    [hello, 4],
  ];
  for (const [index, [, weight]] of all.entries()) {
    assert.deepEqual([...weightsOf([hello], new Map(all.slice(0, index + 1)))], [weight]);
  }
});

test('what has no weight of its own has 1', () => {
  assert.deepEqual([...weightsOf([hello], new Map([['hell', 5]]))], [1]);
});

test('a package name ends before the first dash that no letter follows, as in Nix', () => {
  const names = ['nix-0.12pre12876', 'python3-scipy-1.10.1-2', 'libstdc++6-12', 'source'];
  const weights = new Map([
    ['nix', 2],
    ['python3-scipy', 3],
    ['libstdc++6', 4],
    ['source', 5],
  ]);
  const paths = names.map((name) => `/nix/store/${'a'.repeat(32)}-${name}`);
  assert.deepEqual([...weightsOf(paths, weights)], [2, 3, 4, 5]);
});

test('a weights file is a JSON object', () => {
  assert.deepEqual(
    parseLayerWeights('{"my-app": 50, "glibc": 0.1, "frozen": 0}', 'w.json'),
    new Map([
      ['my-app', 50],
      ['glibc', 0.1],
      ['frozen', 0],
    ]),
  );
});

const malformed: [text: string, why: RegExp][] = [
  ['{', /it is not JSON/],
  ['[1]', /it is not a JSON object/],
  ['null', /it is not a JSON object/],
  ['{"glibc": "1"}', /"glibc" is not a number of 0 or more/],
  ['{"glibc": -1}', /"glibc" is not a number of 0 or more/],
  ['{"glibc": 1e999}', /"glibc" is not a number of 0 or more/],
];
for (const [text, why] of malformed) {
  test(`a weights file with ${text} is refused`, () => {
    assert.throws(() => parseLayerWeights(text, 'w.json'), {
      code: 'ERR_FORMAT',
      path: 'w.json',
      message: new RegExp(`^cannot read layer weights from w.json: .*${why.source}`),
      hint: /JSON object/,
    });
  });
}
