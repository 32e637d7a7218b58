import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import type { TreeLocation } from '../../src/nix/closure.ts';
import { walkTree } from '../../src/nix/directory-tree.ts';
import { NarSize } from '../../src/nix/nar-size.ts';
import { runNix } from '../../src/nix/nix-command.ts';
import { openClosureSource } from '../../src/nix/open-source.ts';
import { resolveRoots } from '../../src/nix/roots.ts';
import { nixBuild, nixEnvironment } from '../support/nix.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';

// The nix that these tests call is this process's child, and must not look at the user's configuration or cache.
const scratch = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'nixpush-nix-')));
Object.assign(process.env, nixEnvironment, { HOME: scratch, XDG_CACHE_HOME: join(scratch, 'cache') });
after(() => {
  execFileSync('chmod', ['-R', 'u+w', scratch]); // store paths are read-only directories
  fs.rmSync(scratch, { recursive: true });
});

const store = join(scratch, 'store');
fs.mkdirSync(join(store, 'nix/store'), { recursive: true });

function evaluate(expression: string): string {
  const args = ['--store', store, '--eval', '--read-write-mode', '-E', expression];
  return JSON.parse(execFileSync('nix-instantiate', args, { encoding: 'utf8' })) as string;
}

function narSize(trees: TreeLocation, path: string): number {
  const size = new NarSize();
  for (const entry of walkTree(trees, path)) size.add(entry);
  return size.total;
}

/** A tree with everything that changes the length of a NAR, names of 1 to 9 bytes among it. */
function nastyTree(): string {
  const root = join(scratch, 'nasty');
  if (fs.existsSync(root)) return root;
  fs.mkdirSync(join(root, 'empty/er'), { recursive: true });
  for (let length = 0; length <= 17; length++) fs.writeFileSync(join(root, `${length}`), 'x'.repeat(length));
  for (let length = 1; length <= 9; length++) fs.mkdirSync(join(root, 'empty', 'd'.repeat(length)));
  for (let length = 1; length <= 9; length++) fs.symlinkSync('t'.repeat(length), join(root, `link${length}`));
  fs.writeFileSync(join(root, 'run'), '#!/bin/sh\n', { mode: 0o755 });
  fs.writeFileSync(join(root, 'ünïcödé-𝄞'), 'x');
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x');
  fs.writeFileSync(join(root, 'n'.repeat(255)), '');
  fs.linkSync(join(root, 'run'), join(root, 'hard'));
  return root;
}

test('the closure of a relocated store is what Nix knows of it', needs('nix'), async () => {
  const source = openClosureSource({ store });
  const root = evaluate(`
    let base = builtins.toFile "base" "base"; lib = builtins.toFile "lib" "lib \${base}";
    in builtins.toFile "app" "app \${lib} \${base}"`);
  const { roots, paths } = await source.closure([root]);
  assert.deepEqual(roots, [root]);
  const named = (name: string): string => paths.find((info) => info.path.endsWith(`-${name}`))!.path;
  assert.deepEqual(
    new Map(paths.map((info) => [info.path, new Set(info.references)])),
    new Map([
      [named('app'), new Set([named('lib'), named('base')])],
      [named('lib'), new Set([named('base')])],
      [named('base'), new Set()],
    ]),
  );
  for (const info of paths) assert.equal(info.narSize, narSize(source.trees, info.path));
});

test("the arithmetic size of a nasty tree's NAR is the one that Nix records", needs('nix'), async () => {
  const source = openClosureSource({ store });
  const root = evaluate(`builtins.path { path = ${nastyTree()}; name = "nasty"; }`);
  const { paths } = await source.closure([root]);
  assert.equal(paths.length, 1);
  assert.equal(narSize(source.trees, root), paths[0]!.narSize);
});

test('a file that was deleted from the store shows in the size', needs('nix'), async () => {
  const source = openClosureSource({ store });
  const root = evaluate(`builtins.path { path = ${nastyTree()}; name = "damaged"; }`);
  fs.chmodSync(join(store, root), 0o755);
  fs.rmSync(join(store, root, 'link9'));
  const { paths } = await source.closure([root]);
  assert.notEqual(narSize(source.trees, root), paths[0]!.narSize);
});

test('path info, registration and graph of one closure are the same closure', needs('nix'), async () => {
  const root = evaluate('builtins.toFile "two" "${builtins.toFile "one" "1"}"');
  const asked = await openClosureSource({ store }).closure([root]);
  const dump = join(scratch, 'dump-db');
  const requisites = asked.paths.map((info) => info.path);
  fs.writeFileSync(dump, execFileSync('nix-store', ['--store', store, '--dump-db', ...requisites]));
  assert.equal(requisites.length, 2);
  assert.deepEqual(await openClosureSource({ store, closure: dump }).closure([root]), asked);
});

test('a path whose files are there but that Nix does not know is not found', needs('nix'), async () => {
  const path = `/nix/store/${'0'.repeat(32)}-stranger`;
  fs.writeFileSync(store + path, '');
  await assert.rejects(openClosureSource({ store }).closure([path]), {
    code: 'ERR_NOT_FOUND',
    message: `cannot find the closure of ${path}: nix says: path '${path}' is not valid`,
    hint: /--closure FILE/,
    path,
  });
});

/** A flake of plain derivations: no nixpkgs, no network. */
function flake(): string {
  const directory = join(scratch, 'flake');
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(
    join(directory, 'flake.nix'),
    `{ outputs = { self }: let
      build = system: rec {
        dependency = derivation {
          name = "dependency"; inherit system; builder = "/bin/sh"; args = [ "-c" "echo > $out" ];
        };
        default = derivation {
          name = "default"; inherit system; builder = "/bin/sh"; args = [ "-c" "echo \${dependency} > $out" ];
        };
        fails = derivation {
          name = "fails"; inherit system; builder = "/bin/sh"; args = [ "-c" "exit 3" ];
        };
      };
    in { packages = { x86_64-linux = build "x86_64-linux"; aarch64-linux = build "aarch64-linux"; }; }; }`,
  );
  return directory;
}

test('a flake installable is built, and its closure found', needs('nix'), async () => {
  const source = openClosureSource({});
  const roots = await resolveRoots([`path:${flake()}#default`], { trees: source.trees });
  assert.match(roots.join(), /^\/nix\/store\/\w{32}-default$/);
  const names = (await source.closure(roots)).paths.map((info) => info.path.slice(44)).sort();
  assert.deepEqual(names, ['default', 'dependency']);
});

test('a directory with a flake.nix is built, and leaves no link behind', needs('nix'), async () => {
  const cwd = join(flake(), '..');
  const roots = await resolveRoots(['flake'], { trees: openClosureSource({}).trees, cwd });
  assert.match(roots.join(), /-default$/);
  assert.ok(!fs.readdirSync(cwd).includes('result'));
});

test('a flake without the attribute is an error in the words of Nix', needs('nix'), async () => {
  await assert.rejects(resolveRoots([`path:${flake()}#nope`], { trees: openClosureSource({}).trees }), {
    code: 'ERR_COMMAND',
    message: /^cannot build path:\S+#nope: nix says: flake .* does not provide attribute .*'nope'/,
  });
});

test('a build that fails is an error in the words of Nix', needs('nix'), async () => {
  await assert.rejects(resolveRoots([`path:${flake()}#fails`], { trees: openClosureSource({}).trees }), {
    code: 'ERR_COMMAND',
    message: /nix says: builder for '\S+-fails\.drv' failed with exit code 3/,
  });
});

test('a result link of nix-build leads to a closure in the real store', needs('nix'), async () => {
  const built = nixBuild(`derivation {
    name = "self"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo $out > $out" ];
  }`);
  fs.symlinkSync(built, join(scratch, 'result'));
  const source = openClosureSource({}, join(scratch, 'cache'));
  const roots = await resolveRoots([], { trees: source.trees, cwd: scratch });
  const { paths } = await source.closure(roots);
  assert.deepEqual(paths, [
    {
      ...paths[0]!,
      path: built,
      references: [],
      refersToItself: true,
      narSize: narSize(source.trees, built),
    },
  ]);
  assert.deepEqual((await source.closure(roots)).paths, paths, 'remembered');
});

/** Puts a shell script in the place of nix, for what the real one cannot be brought to do. */
function fakeNix(t: TestContext, script: string): void {
  const directory = fs.mkdtempSync(join(scratch, 'bin-'));
  fs.writeFileSync(join(directory, 'nix'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  setPath(t, `${directory}${delimiter}${process.env['PATH']}`);
}

function setPath(t: TestContext, path: string): void {
  const before = process.env['PATH'];
  process.env['PATH'] = path;
  t.after(() => {
    process.env['PATH'] = before;
  });
}

test('a Nix that insists on --json-format is given it', async (t) => {
  fakeNix(
    t,
    `case "$*" in
      *"--json-format 2"*) cat ${join(repoRoot, 'test/fixtures/path-info/versioned-2.33.json')} ;;
      *) echo "error: '--json' needs '--json-format'" >&2; exit 1 ;;
    esac`,
  );
  const root = '/nix/store/0nijbpav839cl6av0vd8682ddr5f5nqy-app-3.0+rc_1';
  const { paths } = await openClosureSource({ store }).closure([root]);
  assert.equal(paths.length, 3);
});

test('a Nix that refuses even --json-format is not asked for ever', async (t) => {
  fakeNix(t, `echo "error: unknown --json-format" >&2; exit 1`);
  await assert.rejects(openClosureSource({ store }).closure(['/nix/store/x']), {
    code: 'ERR_COMMAND',
    message: 'cannot find the closure of /nix/store/x: nix says: unknown --json-format',
  });
});

test('output of nix that is not JSON is an error', async (t) => {
  fakeNix(t, 'echo hello');
  await assert.rejects(openClosureSource({ store }).closure(['/nix/store/x']), {
    code: 'ERR_COMMAND',
    message: 'nix path-info printed something that is not JSON',
  });
});

test('the feature flags and the arguments reach nix as they are', async (t) => {
  fakeNix(t, `printf '<%s>' "$@"`);
  assert.equal(
    await runNix(['build', '--', 'a b', '$(touch x)'], { doing: 'x' }),
    '<--extra-experimental-features><nix-command flakes><build><--><a b><$(touch x)>',
  );
});

test('of what nix says the error counts, without colours', async (t) => {
  fakeNix(
    t,
    `printf 'building\\nwarning: old\\n\\033[31;1merror:\\033[0m no\\ttea\\n\\n  at x.nix:1:1\\n' >&2; exit 1`,
  );
  await assert.rejects(runNix([], { doing: 'cannot make tea' }), {
    code: 'ERR_COMMAND',
    message: 'cannot make tea: nix says: no tea',
  });
});

test('a nix that says nothing is named with its status', async (t) => {
  fakeNix(t, 'exit 7');
  await assert.rejects(runNix([], { doing: 'cannot try' }), {
    code: 'ERR_COMMAND',
    message: 'cannot try: nix ended with status 7',
  });
});

test('a nix that is killed is named with the signal', async (t) => {
  fakeNix(t, 'kill -9 $$');
  await assert.rejects(runNix([], { doing: 'cannot try' }), {
    message: 'cannot try: nix was killed by SIGKILL',
  });
});

test('a missing nix is said, with the way without it', async (t) => {
  setPath(t, scratch);
  await assert.rejects(runNix(['path-info'], { doing: 'cannot find the closure' }), {
    code: 'ERR_COMMAND',
    message: 'cannot find the closure: the program nix is not on the PATH',
    hint: /--closure FILE/,
  });
});

test('a signal ends nix', async (t) => {
  fakeNix(t, 'exec sleep 600');
  const controller = new AbortController();
  const run = runNix([], { doing: 'cannot wait', signal: controller.signal });
  controller.abort();
  await assert.rejects(run, { code: 'ERR_ABORTED' });
});

test('nix is not even started after a signal', async (t) => {
  fakeNix(t, `touch ${join(scratch, 'started')}`);
  await assert.rejects(runNix([], { doing: 'x', signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' });
  assert.ok(!fs.existsSync(join(scratch, 'started')));
});

test('output without end is cut off', async (t) => {
  fakeNix(t, 'exec cat /dev/zero');
  await assert.rejects(runNix([], { doing: 'cannot read' }), {
    code: 'ERR_COMMAND',
    message: 'cannot read: nix printed more than 67108864 bytes',
  });
});

test('output of many megabytes arrives whole', async (t) => {
  fakeNix(t, 'exec head -c 20000000 /dev/zero');
  assert.equal((await runNix([], { doing: 'x' })).length, 20_000_000);
});
