import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { repoRoot } from './support/repo.ts';

/** Which floors each floor may import (docs/architecture.md). Every file may import its own floor. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  nix: ['base'],
  image: ['base'],
  layers: ['nix', 'image', 'base'],
  stores: ['image', 'base'],
  definitions: ['layers', 'nix', 'image', 'base'],
  verbs: ['definitions', 'stores', 'layers', 'image', 'nix', 'base'],
  index: ['verbs', 'base'],
  cli: ['index', 'verbs', 'image', 'base'],
  testing: ['base'],
};

/** The library re-exports the types that its functions speak of, wherever they are at home. */
const MAY_IMPORT_TYPES: Record<string, readonly string[]> = {
  index: ['stores', 'layers', 'image', 'nix'],
};

const MOST_LINES = 400;

interface Import {
  /** What stands between the quotes. */
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface SourceFile {
  /** Relative to src/. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

describe('the house', () => {
  test('has only the floors that the rules name', () => {
    const floors = new Set(sources.map(({ path }) => floorOf(path)));
    assert.deepEqual(
      [...floors].filter((floor) => MAY_IMPORT[floor] === undefined),
      [],
    );
  });

  test('imports go down only', () => {
    const violations = sources.flatMap((file) =>
      file.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .filter((imported) => !isAllowed(floorOf(file.path), imported, targetOf(file.path, imported)))
        .map((imported) => describeViolation(file.path, targetOf(file.path, imported))),
    );
    assert.deepEqual(violations, []);
  });

  test('no file imports itself through others, types aside', () => {
    assert.deepEqual(findCycle(runtimeEdges()), undefined);
  });

  test('what is published imports only what is installed with it', () => {
    const { dependencies } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const strangers = sources.flatMap(({ path, imports }) =>
      imports
        .map(({ specifier }) => specifier)
        .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
        .filter((specifier) => dependencies[packageOf(specifier)] === undefined)
        .map((specifier) => `src/${path} imports ${specifier}, which is no dependency in package.json`),
    );
    assert.deepEqual(strangers, []);
  });

  test('no file is too long to hold one concept', () => {
    const tooLong = sources
      .filter(({ lines }) => lines > MOST_LINES)
      .map(
        ({ path, lines }) => `src/${path} has ${lines} lines, more than ${MOST_LINES}: split it by concept`,
      );
    assert.deepEqual(tooLong, []);
  });
});

describe('the check itself', () => {
  test('sees imports, re-exports and dynamic imports', () => {
    const text = `
      import type { A } from './a.ts';
      import { type B, c } from "./b.ts";
      export {
        D,
      } from './d.ts';
      export type * from './e.ts';
      import './f.ts';
      const g = await import('./g.ts');
      // import { H } from './h.ts';
      /* import { I } from './i.ts'; */
    `;
    assert.deepEqual(
      importsOf(text).map(({ specifier, typeOnly }) => (typeOnly ? `${specifier} (type)` : specifier)),
      ['./a.ts (type)', './b.ts', './d.ts', './e.ts (type)', './f.ts', './g.ts'],
    );
  });

  test('refuses a floor beside or above', () => {
    const stores: Import = { specifier: '../layers/recipe.ts', typeOnly: true };
    assert.equal(isAllowed('stores', stores, 'layers/recipe.ts'), false);
    assert.equal(isAllowed('nix', stores, 'layers/recipe.ts'), false);
    assert.equal(isAllowed('index', stores, 'layers/recipe.ts'), true);
    assert.equal(isAllowed('index', { ...stores, typeOnly: false }, 'layers/recipe.ts'), false);
  });

  test('finds a cycle', () => {
    assert.deepEqual(
      findCycle([
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'b'],
      ]),
      ['b', 'c', 'b'],
    );
  });
});

const sources = readSources();

function readSources(): SourceFile[] {
  const src = join(repoRoot, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(src, path), 'utf8');
      return { path, lines: text.split('\n').length - 1, imports: importsOf(text) };
    });
}

function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const statically = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^'";]*?from\s*)?['"]([^'"]+)['"]/gm;
  const dynamically = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [
    ...[...code.matchAll(statically)].map((match) => ({
      specifier: match[2]!,
      typeOnly: match[1] !== undefined,
    })),
    ...[...code.matchAll(dynamically)].map((match) => ({ specifier: match[1]!, typeOnly: false })),
  ];
}

/** `layers` for `layers/tar/header.ts`, `index` for `index.ts`. */
function floorOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '');
}

function targetOf(path: string, { specifier }: Import): string {
  return join(dirname(path), specifier);
}

function isAllowed(floor: string, { typeOnly }: Import, target: string): boolean {
  const wanted = floorOf(target);
  if (wanted === floor || MAY_IMPORT[floor]?.includes(wanted)) return true;
  return typeOnly && MAY_IMPORT_TYPES[floor]?.includes(wanted) === true;
}

function describeViolation(path: string, target: string): string {
  const allowed = MAY_IMPORT[floorOf(path)]?.join(', ') || 'no other floor';
  return `src/${path} imports src/${target}: ${floorOf(path)} may import ${allowed} (docs/architecture.md)`;
}

/** Imports of types are gone when the program runs: they order nothing. */
function runtimeEdges(): [string, string][] {
  return sources.flatMap((file) =>
    file.imports
      .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
      .map((imported): [string, string] => [file.path, targetOf(file.path, imported)]),
  );
}

/** The first cycle found, as the files along it, or undefined. */
function findCycle(edges: readonly (readonly [string, string])[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const [from, to] of edges) targets.set(from, [...(targets.get(from) ?? []), to]);
  const finished = new Set<string>();

  function visit(file: string, trail: readonly string[]): string[] | undefined {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const target of targets.get(file) ?? []) {
      const cycle = visit(target, [...trail, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  }

  for (const file of targets.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

/** `@scope/name` or `name` of `@scope/name/sub/path.js`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
