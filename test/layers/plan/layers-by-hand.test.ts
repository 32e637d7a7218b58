import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseLayersByHand, type LayersByHand } from '../../../src/layers/plan/layers-by-hand.ts';
import type { PipelineStep } from '../../../src/layers/plan/pipeline-steps.ts';
import { planLayers } from '../../../src/layers/plan/plan.ts';
import { closure, named, realClosure, shown } from '../../support/layer-graph.ts';

const example = closure({
  A: [10, 'B G'],
  B: [20, 'C E'],
  C: [5, 'D E'],
  D: [7, 'F'],
  E: [3, 'F'],
  F: [100, ''],
  G: [1, ''],
});

function layers(strategy: LayersByHand, budget = 100): string {
  return shown(planLayers(example, { strategy, budget }));
}

suite("a layering pipeline makes the layers of nixpkgs' flatten-references-graph", () => {
  const popularity: PipelineStep = ['popularity_contest'];
  // The first six were computed by nixpkgs' own code, the others follow from what its documentation says.
  const vectors: [string, PipelineStep[]][] = [
    ['[F][E][D][C][B][G][A]', [popularity]],
    ['[F][E][DCBGA]', [popularity, ['limit_layers', 3]]],
    ['[ECDF][GAB]', [['subcomponent_out', [named('C')]]]],
    ['[CAB][GEDF]', [['subcomponent_in', [named('C')]]]],
    ['[CD][EF][GAB]', [['split_paths', [named('C')]]]],
    ['[GE][CD][AB][F]', [['split_every', 2]]],
    ['[GECDABF]', []],
    ['[GECDABF]', [['split_paths', [named('Z')]]]],
    ['[GECDABF]', [['split_paths', [named('A')]]]],
    // G is A's own, B's are all others.
    [
      '[G][ECDBF][A]',
      [
        ['split_paths', [named('G')]],
        ['over', 'rest', ['split_paths', [named('B')]]],
      ],
    ],
    ['[GECDBF][A]', [['split_paths', [{ children_of: named('A') }]]]],
    ['[GCDAB]', [['remove_paths', [named('E'), named('F')]]]],
    ['[A][G][B][C][D][E][F]', [popularity, ['reverse']]],
    ['[A][GBCDEF]', [popularity, ['reverse'], ['limit_layers', 2]]],
    [
      '[F][DEC][B][GA]',
      [
        ['subcomponent_out', [named('C')]],
        ['over', 'main', ['pipe', [popularity, ['limit_layers', 2]]]],
        ['over', 'rest', ['pipe', [popularity, ['limit_layers', 2]]]],
      ],
    ],
    ['[EC][DF][GA][B]', [['subcomponent_out', [named('C')]], ['flatten'], ['map', ['split_every', 2]]]],
  ];
  for (const [expected, pipeline] of vectors)
    test(`${JSON.stringify(pipeline)
      .replaceAll('/nix/store/', '')
      .replace(/([a-z])\1{31}-/g, '')} makes ${expected}`, () => {
      assert.equal(layers(pipeline), expected);
    });

  test('names and patterns stand for store paths', () => {
    assert.equal(layers([['subcomponent_out', 'C']]), '[ECDF][GAB]');
    assert.equal(layers([['split_paths', ['*-C']]]), '[CD][EF][GAB]');
  });

  test('with several roots, none of which is split', () => {
    const two = closure({ A: [1, 'C D'], B: [2, 'D E'], C: [3, ''], D: [4, ''], E: [5, ''] });
    const plan = planLayers(two, { strategy: [['split_paths', [named('B')]]], budget: 9 });
    assert.equal(shown(plan), '[BE][D][AC]');
  });

  test('all paths of a real closure are in one layer each', () => {
    const paths = realClosure('scipy');
    const strategy: PipelineStep[] = [
      ['split_paths', [{ children_of: 'python3*' }]],
      ['flatten'],
      ['map', ['popularity_contest']],
      ['flatten'],
      ['limit_layers', 50],
    ];
    const plan = planLayers(paths, { strategy, budget: 50 });
    assert.equal(plan.length, 50);
    assert.deepEqual(plan.flat().sort(), paths.map(({ path }) => path).sort());
  });

  test('with more layers than there may be is refused', () => {
    assert.throws(() => layers([popularity], 5), {
      code: 'ERR_USAGE',
      message: /are 7, but --max-layers leaves 5/,
    });
  });

  const senseless: [PipelineStep[], RegExp][] = [
    [[['reverse']], /has reverse where it cannot be/],
    [[popularity, ['split_every', 2]], /has split_every where it cannot be/],
    [[['over', 'main', popularity]], /has no part "main" there/],
  ];
  for (const [pipeline, message] of senseless)
    test(`${JSON.stringify(pipeline)} makes no sense`, () => {
      assert.throws(() => layers(pipeline), { code: 'ERR_FORMAT', message });
    });
});

suite('groups', () => {
  test('hold the closure of what they name, without what lower groups hold', () => {
    assert.equal(layers({ groups: [['E'], ['C'], ['A']] }), '[EF][CD][ABG]');
  });

  test('leave the rest to be planned', () => {
    assert.match(layers({ groups: [['E']] }), /^\[EF\]/);
    assert.equal(layers({ groups: [['E']] }, 2), '[EF][ABCDG]');
    assert.equal(layers({ groups: [] }, 1), '[ABCDEFG]');
  });

  test('that name nothing of the closure make no layer', () => {
    assert.equal(layers({ groups: [['Z'], ['B']] }, 2), '[BCDEF][AG]');
  });

  test('make the same layers in programs that share what they name', () => {
    const other = closure({ C: [5, 'D E'], D: [7, 'F'], E: [3, 'F'], F: [100, ''], X: [3, 'C'] });
    const strategy = { groups: [['E'], ['C']] };
    const plans = [example, other].map((paths) => planLayers(paths, { strategy, budget: 5 }).slice(0, 2));
    assert.deepEqual(plans[0], plans[1]);
  });

  test('need a layer each, and the rest one more', () => {
    assert.throws(() => layers({ groups: [['E'], ['C']] }, 2), {
      code: 'ERR_USAGE',
      message: /are 2 and one for all other store paths, but --max-layers leaves 2/,
    });
  });
});

suite('a file of layers', () => {
  test('holds a pipeline or groups', () => {
    assert.deepEqual(parseLayersByHand('[["popularity_contest"]]', 'f'), [['popularity_contest']]);
    assert.deepEqual(parseLayersByHand('{"groups": [["a"]]}', 'f'), { groups: [['a']] });
  });

  const mistakes: [string, string][] = [
    ['{', 'f is not JSON'],
    ['null', 'f is neither a layering pipeline nor groups of store paths'],
    ['{"groups": ["a"]}', 'f is neither a layering pipeline nor groups of store paths'],
    ['{"groups": [], "more": 1}', 'f is neither a layering pipeline nor groups of store paths'],
    ['["popularity_contest"]', 'f[0] must be a list like ["limit_layers", 80]'],
    ['[["limit_layers"]]', 'f[0] must have 1 argument after limit_layers, not 0'],
    ['[["limit_layers", 0]]', 'f[0][1] must be a whole number above 0'],
    [
      '[["over", "rest", ["pipe", [["reverse", 1]]]]]',
      'f[0][2][1][0] must have 0 arguments after reverse, not 1',
    ],
    ['[["split_paths", [{"children_of": 1}]]]', 'f[0][1][0].children_of must be a list'],
  ];
  for (const [text, message] of mistakes)
    test(`${text} is refused`, () => {
      assert.throws(() => parseLayersByHand(text, 'f'), { code: 'ERR_FORMAT', message });
    });

  test('with an operation that does not exist is told which there are', () => {
    assert.throws(() => parseLayersByHand('[["sort"]]', 'f'), {
      code: 'ERR_FORMAT',
      message: /^f\[0\] has no operation "sort"; there are popularity_contest, flatten,/,
    });
  });
});
