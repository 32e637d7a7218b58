import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolveRoots } from '../../src/nix/roots.ts';
import { treeLocation } from '../../src/nix/tree-location.ts';

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'nixpush-roots-')));
after(() => rmSync(scratch, { recursive: true }));

const HELLO = '/nix/store/00000000000000000000000000000001-hello';
const LINKED = '/nix/store/00000000000000000000000000000002-linked';
const ABSENT = '/nix/store/00000000000000000000000000000003-absent';
const DERIVATION = '/nix/store/00000000000000000000000000000004-hello.drv';

const store = join(scratch, 'store');
mkdirSync(join(store, HELLO, 'bin'), { recursive: true });
writeFileSync(join(store, HELLO, 'bin/hello'), '');
writeFileSync(join(store, DERIVATION), '');
symlinkSync(`${HELLO}/bin`, join(store, LINKED));
const trees = treeLocation(store);

const cwd = join(scratch, 'project');
mkdirSync(join(cwd, 'empty'), { recursive: true });
const link = (target: string, name: string): void => symlinkSync(target, join(cwd, name));
const resolve = async (...inputs: string[]): Promise<string[]> => await resolveRoots(inputs, { trees, cwd });

link(HELLO, 'logical');
link(join(store, HELLO), 'physical');
link('logical', 'chain');
link('../project/physical', 'relative');
link(`../store${HELLO}/bin/hello`, 'program');
link(LINKED, 'to-link');
link('loop', 'loop');
link('/etc', 'outside');
link(ABSENT, 'stale');
link('gone', 'dangling');
link(scratch, 'up');
link(HELLO, 'has#hash');

for (const [name, input, expected] of [
  ['a store path', HELLO, HELLO],
  ['a store path with a slash at its end', `${HELLO}/`, HELLO],
  ['a path inside a store path', `${HELLO}/bin/hello`, HELLO],
  ['the path where it lies in the relocated store', join(store, HELLO), HELLO],
  ['a file inside, where it lies', join(store, HELLO, 'bin/hello'), HELLO],
  ['a link to the logical path', 'logical', HELLO],
  ['a link to where it lies', './physical', HELLO],
  ['an absolute link', join(cwd, 'physical'), HELLO],
  ['a link to a link', 'chain', HELLO],
  ['a relative link with ..', 'relative', HELLO],
  ['a link to a file inside', 'program', HELLO],
  ['a path through a link', 'logical/bin/hello', HELLO],
  ['a path through a link and back', `up/store${HELLO}/../${HELLO.slice(11)}`, HELLO],
  ['a link whose name looks like an installable', 'has#hash', HELLO],
  ['a store path that is a link into another', 'to-link', LINKED],
] as const) {
  test(`a root may be ${name}`, async () => {
    assert.deepEqual(await resolve(input), [expected]);
  });
}

test('roots keep their order, and each counts once', async () => {
  assert.deepEqual(await resolve('to-link', 'logical', 'physical', LINKED), [LINKED, HELLO]);
});

test('the event loop turns while many roots are resolved', async () => {
  let turned = false;
  setImmediate(() => (turned = true));
  await resolve(...Array.from({ length: 150 }, () => HELLO));
  assert.equal(turned, true);
});

test('a store that is itself reached through a link is recognised', async () => {
  link(store, 'store-link');
  const through = treeLocation(join(cwd, 'store-link'));
  assert.deepEqual(await resolveRoots(['physical'], { trees: through, cwd }), [HELLO]);
});

test('nothing named means ./result', async () => {
  await assert.rejects(resolve(), {
    code: 'ERR_NOT_FOUND',
    message: './result does not exist',
    hint: 'Build it first with `nix build`, or name a store path.',
  });
  link(HELLO, 'result');
  assert.deepEqual(await resolve(), [HELLO]);
});

for (const [name, input, code, message] of [
  ['an empty text', '', 'ERR_USAGE', /^an empty path cannot be pushed$/],
  ['what does not exist', 'nope', 'ERR_NOT_FOUND', /^nope does not exist$/],
  ['a link to nowhere', 'dangling', 'ERR_NOT_FOUND', /^dangling does not exist$/],
  ['a registry', 'docker://host/app', 'ERR_NOT_FOUND', /^docker:\/\/host\/app does not exist$/],
  [
    'a directory',
    'empty',
    'ERR_USAGE',
    /^empty is not in the Nix store, is no link into it, and is no flake$/,
  ],
  ['a link out of the store', 'outside', 'ERR_USAGE', /^outside is not in the Nix store/],
  ['the store itself', '/nix/store', 'ERR_USAGE', /^\/nix\/store is not in the Nix store/],
  ['a malformed store path', '/nix/store/hello', 'ERR_USAGE', /is not a store path: its name does not begin/],
  ['a link to itself', 'loop', 'ERR_IO', /^cannot follow .*loop: too many symbolic links$/],
  ['a path through a file', `${cwd}/../store${DERIVATION}/../x`, 'ERR_USAGE', /is not a store path/],
  ['a store path that is not there', ABSENT, 'ERR_NOT_FOUND', /^the store path \S+-absent is not in /],
  [
    'a link to what was collected as garbage',
    'stale',
    'ERR_NOT_FOUND',
    /^the store path \S+-absent is not in /,
  ],
  ['a derivation', DERIVATION, 'ERR_USAGE', /is a derivation, the plan of a build, not its result$/],
] as const) {
  test(`${name} is refused as a root`, async () => {
    await assert.rejects(resolve(input), { name: 'NixpushError', code, message });
  });
}
