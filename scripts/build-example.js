#!/usr/bin/env node
// Builds the example's closure with real Nix and gcc, and copies it to examples/store and examples/closure.json.
// usage: node scripts/build-example.js [--check]
//   --check  change nothing: compile twice, and fail if what is in the repository differs from what came out
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const examples = join(import.meta.dirname, '..', 'examples');
// Works as root without a daemon and without a network: nothing but the three derivations is built.
const NIX_CONFIG = 'build-users-group =\nsandbox = false\nsubstituters =';

function nixBuild(attribute, ...options) {
  const command = ['--no-out-link', ...options, '--attr', attribute, join(examples, 'src', 'example.nix')];
  const env = { ...process.env, NIX_CONFIG };
  return execFileSync('nix-build', command, { env, encoding: 'utf8' }).trim();
}

/** Copies the closure below `directory`; git keeps no modes but the executable bit, so neither does the copy. */
function copyClosure(directory) {
  const { closure } = JSON.parse(readFileSync(nixBuild('closure'), 'utf8'));
  const store = join(directory, 'store', 'nix', 'store');
  mkdirSync(store, { recursive: true });
  for (const { path } of closure)
    cpSync(path, join(store, basename(path)), { recursive: true, verbatimSymlinks: true });
  execFileSync('chmod', ['--recursive', 'u+w', store]);
  writeFileSync(join(directory, 'closure.json'), `${JSON.stringify(closure, null, 2)}\n`);
}

const fresh = mkdtempSync(join(tmpdir(), 'nixpush-example-'));
try {
  copyClosure(fresh);
  if (process.argv.includes('--check')) {
    nixBuild('hello', '--check');
    for (const part of ['store', 'closure.json'])
      execFileSync('diff', ['--recursive', '--no-dereference', join(fresh, part), join(examples, part)], {
        stdio: 'inherit',
      });
  } else {
    rmSync(join(examples, 'store'), { recursive: true, force: true });
    cpSync(fresh, examples, { recursive: true, verbatimSymlinks: true });
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
