#!/usr/bin/env node
// How image layers age, by strategy, simulated on graphs of real closures: bytes sent again over bytes that changed.
// Prints the tables of docs/layers.md. Needs `npm run build`.
// usage: node scripts/bench/simulate-layers.js [--seeds N] [--revisions N] [GRAPH-FILE…]
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce } from '../../dist/base/steps.js';
import { planAfter, unchangedLayers } from '../../dist/layers/plan/earlier.js';
import { changeModel } from '../../dist/layers/plan/change-model.js';
import { byName, makeGraph } from '../../dist/layers/plan/graph.js';
import { planLayers } from '../../dist/layers/plan/plan.js';
import { build, readGraph } from './layer-graphs.js';
import { random, revise, touch } from './revisions.js';

const BUDGETS = [20, 50, 100];
const STRATEGIES = ['popularity', 'auto', 'expected'];
const WASTE_LIMITS = [1, 1.05, 1.1, 1.25, 1.5, 2, Infinity];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '3' }, revisions: { type: 'string', default: '20' } },
});
const seeds = Number(values.seeds);
const revisions = Number(values.revisions);
const fixtures = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'layer-plan');
const files =
  positionals.length > 0 ? positionals : readdirSync(fixtures).map((file) => join(fixtures, file));
const read = () => files.map(readGraph);

printTable(
  'One package touched, the mean over all packages',
  STRATEGIES.map((strategy) => [strategy, (graph, budget) => touchEach(build(graph), strategy, budget)]),
);
printTable(`A chain of ${revisions} revisions: touches`, chainRows(touch));
printTable(`A chain of ${revisions} revisions: new sizes, dependencies come and go`, chainRows(revise));
for (const first of ['auto', 'popularity']) {
  printTable(
    `The same by limit of waste, the first image made by ${first}`,
    WASTE_LIMITS.map((limit) => [
      String(limit),
      (graph, budget) => chain(graph, revise, planWith(first, budget), planWithin(limit, budget)),
    ]),
  );
}

function chainRows(change) {
  return [
    ...STRATEGIES.map((strategy) => [
      strategy,
      (graph, budget) => chain(graph, change, planWith(strategy, budget), planWith(strategy, budget)),
    ]),
    [
      'expected, earlier image at hand',
      (graph, budget) =>
        chain(graph, change, planWith('expected', budget), planWith('expected', budget, true)),
    ],
  ];
}

function printTable(title, rows) {
  const graphs = read();
  const columns = graphs.map(({ name, packages }) => `${name}, ${packages.size} paths`);
  console.log(`\n${title}\n\n| ${BUDGETS.join(' / ')} layers | ${columns.join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(columns.length)}`);
  for (const [label, measure] of rows) {
    const cells = graphs.map((graph) =>
      BUDGETS.map((budget) => measure(graph, budget).toFixed(3)).join(' / '),
    );
    console.log(`| ${label} | ${cells.join(' | ')} |`);
  }
}

function planWith(strategy, budget, remember = false) {
  return (paths, earlier) => planLayers(paths, { strategy, budget, ...(remember && { earlier }) });
}

/** As planLayers does with an earlier image, but with a limit of waste of our choice. */
function planWithin(limit, budget) {
  return (paths, earlier) => {
    const graph = atOnce(makeGraph(paths, byName));
    const weights = new Float64Array(graph.paths.length).fill(1);
    const model = atOnce(changeModel(graph, weights));
    const nodes = new Map(graph.paths.map((path, node) => [path, node]));
    const { layers } = atOnce(planAfter(model, budget, unchangedLayers(earlier, nodes), limit));
    return layers.map((layer) => layer.map((node) => graph.paths[node]));
  };
}

/** By the definition, not by the planner's model. */
function touchEach(paths, strategy, budget) {
  const users = new Map(paths.map(({ path }) => [path, []]));
  for (const { path, references } of paths) for (const one of references) users.get(one).push(path);
  const narSizes = sizesOf(paths);
  const layers = planLayers(paths, { strategy, budget });
  let sent = 0;
  let changedBytes = 0;
  for (const { path } of paths) {
    const changed = new Set([path]);
    for (const one of changed) for (const user of users.get(one)) changed.add(user);
    changedBytes += bytesOf(changed, narSizes);
    for (const layer of layers) if (layer.some((one) => changed.has(one))) sent += bytesOf(layer, narSizes);
  }
  return sent / changedBytes;
}

/** Revision after revision; a layer is sent unless the image before has just the same. */
function chain({ name, packages }, change, planFirst, planNext) {
  let sent = 0;
  let changed = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const next = random(seed);
    const graph = { name, packages: new Map([...packages].map(([id, one]) => [id, { ...one }])) };
    let paths = build(graph);
    let layers = planFirst(paths, []);
    for (let revision = 0; revision < revisions; revision++) {
      change(graph, next);
      const built = build(graph);
      const narSizes = sizesOf(built);
      const before = sizesOf(paths);
      changed += bytesOf(
        [...narSizes.keys()].filter((path) => !before.has(path)),
        narSizes,
      );
      const there = new Set(layers.map(String));
      layers = planNext(built, layers);
      for (const layer of layers) if (!there.has(String(layer))) sent += bytesOf(layer, narSizes);
      paths = built;
    }
  }
  return sent / changed;
}

function sizesOf(paths) {
  return new Map(paths.map(({ path, narSize }) => [path, narSize]));
}

function bytesOf(paths, narSizes) {
  let bytes = 0;
  for (const path of paths) bytes += narSizes.get(path);
  return bytes;
}
