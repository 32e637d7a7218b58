import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sha256 } from '../../../src/base/digest.ts';
import type { ExplainedPlan } from '../../../src/layers/plan/explain.ts';
import { atOnce } from '../../../src/base/steps.ts';
import { explainLayers, planLayers } from '../../../src/layers/plan/plan.ts';
import type { ClosurePath } from '../../../src/nix/closure.ts';
import { closure, named, realClosure, shown } from '../../support/layer-graph.ts';

const example = closure({
  A: [8, 'B G'],
  B: [16, 'C E'],
  C: [4, 'D E'],
  D: [8, 'F'],
  E: [4, 'F'],
  F: [128, ''],
  G: [1, ''],
});

/** Layers as `shown` prints them, with those that are kept in lower case. */
function origins({ layers }: ExplainedPlan): string {
  return layers
    .map((layer) => (layer.origin === 'kept' ? shown([layer.paths]).toLowerCase() : shown([layer.paths])))
    .join('');
}

function after(earlier: string[], budget: number, paths: readonly ClosurePath[] = example): ExplainedPlan {
  const layers = earlier.map((layer) => layer.split('').map(named));
  return atOnce(explainLayers(paths, { strategy: 'expected', budget, earlier: layers }));
}

test('layers whose paths are all there stay as they are, in their order, and the rest is planned', () => {
  // Planned anew it would be [F][DE][BC][AG]. X is gone, and with it the layer that had it.
  const plan = after(['F', 'ED', 'XAG'], 4);
  assert.equal(origins(plan), '[f][ed][BC][AG]');
  assert.equal(plan.anew, undefined);
});

test('a kept layer says so', () => {
  const [lowest] = after(['F'], 3).layers;
  assert.deepEqual(lowest, {
    paths: [named('F')],
    origin: 'kept',
    reason: 'kept from the earlier image',
  });
});

test('an unchanged closure keeps all its layers, also with a budget that would allow more', () => {
  assert.equal(origins(after(['F', 'BCDE', 'AG'], 4)), '[f][bcde][ag]');
});

test('all is planned anew if the unchanged layers leave no room for what changed', () => {
  const plan = after(['F', 'BCDE', 'G'], 3);
  assert.equal(shown(plan.layers.map(({ paths }) => paths)), '[F][BCDE][AG]');
  assert.match(plan.anew!, /^keeping what is unchanged would use up all 3 layers$/);
});

test('all is planned anew if fewer layers are allowed than stayed', () => {
  assert.equal(origins(after(['F', 'D', 'E', 'BC', 'AG'], 3)), '[f][BCDE][ag]');
});

test('all is planned anew if the unchanged layers waste too much', () => {
  // G with F, in 137 bytes: they would be sent again with either of them, and F alone has 128 of all bytes.
  const plan = after(['FG'], 4);
  assert.equal(origins(plan), '[F][DE][BC][AG]');
  assert.match(plan.anew!, /^keeping what is unchanged would make later changes cost \d+ % more$/);
});

test('a layer of a plan made anew that is just as the earlier one is kept', () => {
  assert.equal(origins(after(['DE', 'FG'], 4)), '[F][de][BC][AG]');
});

test('of earlier layers that share a path the first one is kept', () => {
  assert.equal(origins(after(['F', 'DE', 'EC'], 4)), '[f][de][BC][AG]');
});

test('layers without store paths, as a base image has them, do not count', () => {
  assert.equal(origins(after(['', 'F', 'DE', 'BC', 'AG'], 4)), '[f][de][bc][ag]');
});

test('the strategies of nixpkgs do not look at an earlier image', () => {
  const options = { budget: 3, earlier: [[named('F'), named('G')]] };
  for (const strategy of ['auto', 'popularity'] as const) {
    assert.deepEqual(
      planLayers(example, { ...options, strategy }),
      planLayers(example, { strategy, budget: 3 }),
    );
  }
});

test('after any change each path is in one layer, the budget is kept, and unchanged layers stay or it is said why not', () => {
  const paths = realClosure('web');
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 3, max: 60 }),
      fc.constantFrom('expected', 'auto', 'popularity'),
      (touched, budget, strategy) => {
        const earlier = planLayers(paths, { strategy, budget });
        const changed = touched.reduce((all, index) => touch(all, index), paths);
        const { layers, anew } = atOnce(explainLayers(changed, { strategy: 'expected', budget, earlier }));
        const kept = layers.filter(({ origin }) => origin === 'kept').map((layer) => String(layer.paths));
        const there = new Set(changed.map(({ path }) => path));
        const unchanged = earlier.filter((layer) => layer.every((path) => there.has(path))).map(String);
        assert.deepEqual(layers.flatMap((layer) => layer.paths).sort(), [...there].sort());
        assert.ok(layers.length <= budget);
        assert.ok(kept.every((layer) => unchanged.includes(layer)));
        assert.ok(anew !== undefined || kept.length === unchanged.length);
      },
    ),
    { numRuns: 30 },
  );
});

test('over twenty touches, with the earlier image at hand, 50 layers send at most 1.05 times the bytes that changed', () => {
  const options = { strategy: 'expected', budget: 50 } as const;
  let paths = realClosure('scipy');
  let layers = planLayers(paths, options);
  let changedBytes = 0;
  let sentBytes = 0;
  for (let revision = 0; revision < 20; revision++) {
    const next = touch(paths, revision * 71);
    const before = new Set(paths.map(({ path }) => path));
    const there = new Set(layers.map(String));
    layers = planLayers(next, { ...options, earlier: layers });
    const sent = new Set(layers.filter((layer) => !there.has(String(layer))).flat());
    for (const { path, narSize } of next) {
      if (!before.has(path)) changedBytes += narSize;
      if (sent.has(path)) sentBytes += narSize;
    }
    paths = next;
  }
  assert.ok(sentBytes / changedBytes <= 1.05, String(sentBytes / changedBytes));
});

/** A new release of one path: it and all whose closure has it get new hashes. */
function touch(paths: readonly ClosurePath[], index: number): ClosurePath[] {
  const changed = new Set([paths[index % paths.length]!.path]);
  for (let size = 0; size < changed.size;) {
    size = changed.size;
    for (const { path, references } of paths)
      if (references.some((one) => changed.has(one))) changed.add(path);
  }
  const rebuilt = (path: string): string =>
    changed.has(path) ? `/nix/store/${sha256(path).slice(7, 39)}-${path.slice(44)}` : path;
  return paths.map((path) => ({
    ...path,
    path: rebuilt(path.path),
    references: path.references.map(rebuilt),
  }));
}
