#!/usr/bin/env node
// Compiles src and test side by side and runs the tests with Node's own runner.
// usage: node scripts/test.js [--out DIR] [PART-OF-A-TEST-FILE'S-PATH…] [--NODE-TEST-OPTION…]
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

// For one test file: one that waits in vain must not hold up the rest for ever.
const LIMIT_MS = 300_000;

const args = process.argv.slice(2);
const outFlag = args.indexOf('--out');
const out = outFlag < 0 ? '.build' : args.splice(outFlag, 2)[1];
const options = args.filter((arg) => arg.startsWith('--'));
const parts = args.filter((arg) => !arg.startsWith('--'));

const node = (...nodeArgs) => spawnSync(process.execPath, nodeArgs, { stdio: 'inherit' }).status ?? 1;

process.chdir(join(import.meta.dirname, '..'));
if (!out?.startsWith('.build')) {
  console.error('--out takes a directory whose name begins with .build: it is emptied');
  process.exit(2);
}
rmSync(out, { recursive: true, force: true }); // a test whose source is gone must not run
const typeErrors = node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json', '--outDir', out);
// Whoever runs a part of the tests may be in the middle of a change elsewhere.
if (typeErrors !== 0 && parts.length === 0) process.exit(typeErrors);

const files = readdirSync(join(out, 'test'), { recursive: true })
  .filter(
    (file) => file.endsWith('.test.js') && (parts.length === 0 || parts.some((part) => file.includes(part))),
  )
  .map((file) => join(out, 'test', file))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${parts.join(' ')}`);
  process.exit(2);
}
const runner = [
  '--test',
  `--test-concurrency=${availableParallelism()}`,
  '--test-reporter=spec',
  `--test-timeout=${LIMIT_MS}`,
];
process.exit(node('--enable-source-maps', ...runner, ...options, ...files));
