import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { personalities } from '../../src/testing/index.ts';
import { repoRoot } from '../support/repo.ts';

type Read = (file: string) => string;

const read: Read = (file) => readFileSync(join(repoRoot, 'src/testing', file), 'utf8');
const page = readFileSync(join(repoRoot, 'docs/testing-registries.md'), 'utf8');

describe('docs/testing-registries.md', () => {
  test('is what npm run docs writes', async () => {
    const script = pathToFileURL(join(repoRoot, 'scripts/testing-document.js')).href;
    const { testingDocument } = (await import(script)) as { testingDocument: (read: Read) => string };
    assert.equal(page, testingDocument(read));
  });

  test('has every switch, every fault and every registry', () => {
    const members = (file: string): string[] =>
      [...read(file).matchAll(/^ {2,6}(?:readonly )?(\w+)\??: /gm)].map(([, name]) => name!);
    const operations = [...read('faults.ts').matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, name]) => name!);
    const effects = [...read('faults.ts').matchAll(/kind: '([\w-]+)'/g)].map(([, name]) => name!);
    const names = [...members('quirks.ts'), ...operations, ...effects, ...Object.keys(personalities)];
    assert.ok(names.length > 60, `${names.length} names`);
    assert.deepEqual(
      names.filter((name) => !new RegExp(`[\`' ]${name}[\`',:? ]`).test(page)),
      [],
    );
  });
});

test('nixpush/testing is what src/testing/index.ts exports', () => {
  const { exports } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  assert.deepEqual(exports['./testing'], {
    types: './dist/testing/index.d.ts',
    default: './dist/testing/index.js',
  });
});
