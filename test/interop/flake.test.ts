import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { examplePush } from '../support/example.ts';
import { nixEnvironment } from '../support/nix.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const needsNetwork =
  process.env['NIXPUSH_LONG_TESTS'] === undefined
    ? { skip: "asks npm's registry: set NIXPUSH_LONG_TESTS=1 to run it" }
    : needs('nix', 'npm');

const NIXPKGS = join(repoRoot, 'test/fixtures/nixpkgs');
const NODE = dirname(dirname(process.execPath));

test('the hashes in nix/node-modules.json are of the present package-lock.json', () => {
  const lock = readFileSync(join(repoRoot, 'package-lock.json'));
  const { packageLock } = JSON.parse(readFileSync(join(repoRoot, 'nix/node-modules.json'), 'utf8')) as {
    packageLock: string;
  };
  assert.equal(
    packageLock,
    createHash('sha256').update(lock).digest('hex'),
    'package-lock.json has changed: run `node scripts/nix-hashes.js` and commit nix/node-modules.json',
  );
});

describe('the flake', () => {
  test('passes its check, and its app pushes', needs('nix'), (t) => {
    const directory = temporaryDirectory(t);
    const flake = join(directory, 'nixpush');
    const parts = ['flake.nix', 'nix', 'package.json', 'package-lock.json', 'tsconfig.json'];
    for (const part of [
      ...parts,
      'tsconfig.build.json',
      'rolldown.config.js',
      'bin',
      'encoders',
      'schemas',
      'src',
    ])
      cpSync(join(repoRoot, part), join(flake, part), { recursive: true });
    const nixpkgs = join(directory, 'nixpkgs');
    cpSync(NIXPKGS, nixpkgs, { recursive: true });
    const modules = join(repoRoot, 'node_modules');
    // npm writes it last.
    const { ino, mtimeMs } = statSync(join(modules, '.package-lock.json'));
    writeFileSync(
      join(nixpkgs, 'flake.nix'),
      `{ outputs = _: import ./. { nodejs = "${NODE}"; nodeModules = "${modules}"; installed = "${ino} ${mtimeMs}"; }; }`,
    );
    const args = ['--override-input', 'nixpkgs', `path:${nixpkgs}`, '--no-write-lock-file'];
    assert.match(run('nix', 'flake', 'check', `path:${flake}`, ...args).stderr, /running flake checks/);

    const layout = join(directory, 'image');
    const { stdout } = run(
      'nix',
      'run',
      ...args,
      `path:${flake}`,
      '--',
      ...examplePush,
      '--to',
      `oci:${layout}:1`,
    );
    assert.match(stdout, /^oci:.*@sha256:[0-9a-f]{64}$/m);
  });

  test('takes from npm what its hash says', needsNetwork, () => {
    const { stdout } = run(
      'nix-build',
      '--no-out-link',
      '--expr',
      `let nixpkgs = import ${NIXPKGS} { nodejs = "${NODE}"; };
      in nixpkgs.legacyPackages.\${builtins.currentSystem}.callPackage ${repoRoot}/nix/package.nix { }`,
    );
    assert.match(run(`${stdout.trim()}/bin/nixpush`, '--version').stdout, /^\d+\.\d+\.\d+/);
  });
});

function run(program: string, ...args: string[]): { stdout: string; stderr: string } {
  // As the user has set npm up: the builder has a home of its own.
  const env = { ...nixEnvironment, NPM_CONFIG_USERCONFIG: join(homedir(), '.npmrc') };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}
