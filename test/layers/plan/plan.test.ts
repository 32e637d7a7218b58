import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sha256 } from '../../../src/base/digest.ts';
import { planLayers, type LayerStrategy } from '../../../src/layers/plan/plan.ts';
import { closure, closurePath, realClosure, shown } from '../../support/layer-graph.ts';
import { needs } from '../../support/peers.ts';
import { repoRoot } from '../../support/repo.ts';

const nixpkgsStrategies: LayerStrategy[] = ['auto', 'popularity'];
const strategies: LayerStrategy[] = [...nixpkgsStrategies, 'expected'];

function numbered(node: number): string {
  return `/nix/store/${String(node).padStart(32, '0')}-n${node}`;
}

const example = closure({
  A: [10, 'B G'],
  B: [20, 'C E'],
  C: [5, 'D E'],
  D: [7, 'F'],
  E: [3, 'F'],
  F: [100, ''],
  G: [1, ''],
});

const autoPlans = [
  '[ABCDEFG]',
  '[F][ABCDEG]',
  '[F][BCDE][AG]',
  '[F][D][BCE][AG]',
  '[F][D][CE][B][AG]',
  '[F][E][D][C][B][AG]',
  '[G][F][E][D][C][B][A]',
];
for (const [index, expected] of autoPlans.entries()) {
  test(`automatic layering makes ${expected} of nixpkgs' example with a budget of ${index + 1}`, () => {
    assert.equal(shown(planLayers(example, { strategy: 'auto', budget: index + 1 })), expected);
  });
}

test('the popularity contest orders the example as nixpkgs does', () => {
  assert.equal(shown(planLayers(example, { strategy: 'popularity', budget: 7 })), '[F][E][D][C][B][G][A]');
});

test('the popularity contest puts the rest into the last layer', () => {
  assert.equal(shown(planLayers(example, { strategy: 'popularity', budget: 3 })), '[F][E][DCBGA]');
  assert.equal(shown(planLayers(example, { strategy: 'popularity', budget: 1 })), '[FEDCBGA]');
});

test('popularity is exact where the number of ways exceeds what a double can hold', () => {
  // Each node refers to all after it: 2^(n-2) ways lead to the n-th. X has one way more than Y would need to be equal.
  const size = 70;
  const nodes = Array.from({ length: size }, (_, node) =>
    closurePath(
      numbered(node),
      1,
      Array.from({ length: size - 1 - node }, (_, next) => numbered(node + 1 + next)),
    ),
  );
  const last = nodes.at(-1)!.path;
  const y = closurePath('/nix/store/yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy-a-twin', 1, []);
  const x = closurePath('/nix/store/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-b-twin', 1, []);
  const root = closurePath('/nix/store/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr-root', 1, [x.path]);
  const all = [...nodes.slice(0, -1), { ...nodes.at(-1)!, references: [x.path, y.path] }, x, y, root];
  const plan = planLayers(all, { strategy: 'popularity', budget: all.length }).flat();
  assert.deepEqual(plan.slice(0, 3), [x.path, y.path, last]);
});

test('references out of the given paths and to oneself do not count', () => {
  const given = closure({ A: [2, 'A B Z'], B: [1, ''] });
  for (const strategy of strategies) {
    assert.equal(planLayers(given, { strategy, budget: 9 }).flat().length, 2);
  }
});

test('of equally large paths the last in path order gets a layer first, as in nixpkgs', () => {
  assert.equal(
    shown(planLayers(closure({ A: [1, ''], B: [1, ''], C: [1, ''] }), { strategy: 'auto', budget: 2 })),
    '[C][AB]',
  );
});

test('a cycle, which no Nix store has, loses no path', () => {
  const cyclic = closure({ A: [1, 'B'], B: [2, 'C'], C: [3, 'B D'], D: [4, ''], E: [5, ''] });
  for (const strategy of strategies) {
    const paths = planLayers(cyclic, { strategy, budget: 3 }).flat();
    assert.deepEqual(paths.sort(), cyclic.map(({ path }) => path).sort());
  }
});

test('no paths make no layers', () => {
  for (const strategy of strategies) assert.deepEqual(planLayers([], { strategy, budget: 1 }), []);
});

test('a budget without room for a layer is refused with a word about --max-layers', () => {
  for (const budget of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => planLayers(example, { strategy: 'auto', budget }), {
      code: 'ERR_USAGE',
      hint: /--max-layers/,
    });
  }
});

/** Acyclic: a path refers only to those before it. Sizes and names repeat, for ties. */
const graphs = fc
  .array(
    fc.record({
      name: fc.constantFrom('gcc', 'glibc', 'a-b', 'a'),
      narSize: fc.integer({ min: 0, max: 5 }).map((size) => 10 ** size),
      references: fc.array(fc.nat(), { maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((nodes) => {
    const path = (node: number): string =>
      `/nix/store/${sha256(String(node)).slice(7, 39)}-${nodes[node]!.name}`;
    return nodes.map(({ narSize, references }, node) => {
      const targets = references.filter(() => node > 0).map((reference) => path(reference % node));
      return closurePath(path(node), narSize, [...new Set(targets)].sort());
    });
  });
const budgets = fc.integer({ min: 1, max: 30 });

for (const strategy of strategies) {
  test(`${strategy}: each path is in exactly one layer, no layer is empty, and the budget is kept`, () => {
    fc.assert(
      fc.property(graphs, budgets, (paths, budget) => {
        const layers = planLayers(paths, { strategy, budget });
        assert.deepEqual(layers.flat().sort(), paths.map(({ path }) => path).sort());
        assert.ok(layers.length <= budget && layers.every((layer) => layer.length > 0));
      }),
    );
  });

  test(`${strategy}: the order in which paths are given is without effect`, () => {
    fc.assert(
      fc.property(graphs, budgets, (paths, budget) => {
        const options = { strategy, budget };
        assert.deepEqual(planLayers(paths.toReversed(), options), planLayers(paths, options));
      }),
    );
  });
}

for (const strategy of nixpkgsStrategies) {
  test(
    `${strategy}: plans of random closures equal those of an independent planner`,
    needs('python3'),
    () => {
      const cases = fc
        .sample(fc.tuple(graphs, budgets), { numRuns: 300, seed: 4 })
        .map(([graph, budget]) => ({ strategy, budget, graph }));
      const ours = cases.map(({ graph, ...options }) => planLayers(graph, options));
      assert.deepEqual(ours, independentPlans(cases));
    },
  );

  test(`${strategy}: plans of a real closure equal those of an independent planner`, needs('python3'), () => {
    const graph = realClosure('closure');
    const cases = [1, 2, 10, 50, 99, 300].map((budget) => ({ strategy, budget, graph }));
    const ours = cases.map(({ budget }) => planLayers(graph, { strategy, budget }));
    assert.deepEqual(ours, independentPlans(cases));
  });
}

test('a path without users that is new to a closure moves no other layer of a real closure', () => {
  const before = realClosure('closure');
  const leaf = closurePath('/nix/store/00000000000000000000000000000000-config', 10, [before[0]!.path]);
  const options = { strategy: 'auto', budget: 60 } as const;
  const layers = new Set(planLayers(before, options).map(String));
  const moved = planLayers([...before, leaf], options).filter((layer) => !layers.has(String(layer)));
  assert.ok(moved.length <= 1 && moved.every((layer) => layer.includes(leaf.path)));
});

function independentPlans(cases: object[]): unknown {
  const script = join(repoRoot, 'test/support/python/layer_plan.py');
  const input = JSON.stringify(cases);
  return JSON.parse(execFileSync('python3', [script], { input, encoding: 'utf8', maxBuffer: 2 ** 27 }));
}
