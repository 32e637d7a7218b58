import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStorePath, parseStorePath, storePathOf } from '../../src/nix/store-path.ts';

const HASH = 'b6gvzjyb2pg0kjfwrjmg1vfhh54ad73z';
const at = (name: string): string => `/nix/store/${HASH}-${name}`;

test('a store path is taken apart into hash and name', () => {
  assert.deepEqual(parseStorePath(at('firefox-33.1')), {
    path: at('firefox-33.1'),
    hash: HASH,
    name: 'firefox-33.1',
  });
});

for (const name of ['a', 'A+b-c._?=9', '-', '.config', '...', 'x'.repeat(211), '..a', '.a-b']) {
  test(`the name ${name.slice(0, 20)} is valid`, () => {
    assert.ok(isStorePath(at(name)));
    assert.equal(parseStorePath(at(name)).name, name);
  });
}

const INVALID: [string, unknown, RegExp][] = [
  ['nothing', undefined, /nothing is not a store path: it is not a string/],
  ['a number', 7, /7 is not a store path: it is not a string/],
  ['another directory', '/usr/bin/env', /does not lie in \/nix\/store/],
  ['the store itself', '/nix/store', /does not lie in/],
  ['a directory that begins alike', `/nix/storeroom/${HASH}-x`, /does not lie in/],
  ['a relative path', `nix/store/${HASH}-x`, /does not lie in/],
  ['the empty base name', '/nix/store/', /does not begin with 32 hash digits/],
  ['a hash too short', `/nix/store/${HASH.slice(1)}-x`, /does not begin with 32 hash digits/],
  ['a hash too long', `/nix/store/${HASH}a-x`, /does not begin with 32 hash digits/],
  ['no dash', `/nix/store/${HASH}`, /does not begin with 32 hash digits and a dash/],
  ['upper case in the hash', `/nix/store/${HASH.toUpperCase()}-x`, /does not begin with 32 hash digits/],
  ['the directory of hard links', '/nix/store/.links', /does not begin with 32 hash digits/],
  ['e in the hash', `/nix/store/e${HASH.slice(1)}-x`, /its hash has "e"/],
  ['o in the hash', `/nix/store/o${HASH.slice(1)}-x`, /its hash has "o"/],
  ['t in the hash', `/nix/store/t${HASH.slice(1)}-x`, /its hash has "t"/],
  ['u in the hash', `/nix/store/u${HASH.slice(1)}-x`, /its hash has "u"/],
  ['no name', at(''), /its name is empty/],
  ['a name of 212', at('x'.repeat(212)), /longer than 211/],
  ['a space', at('a b'), /character " "/],
  ['a line end', at('a\n'), /character "\\n"/],
  ['a letter that is not ASCII', at('é'), /character "é"/],
  ['a null byte', at('a\0'), /has the character/],
  ['a dot', at('.'), /dot component/],
  ['two dots', at('..'), /dot component/],
  ['a dot and a dash', at('.-a'), /dot component/],
  ['two dots and a dash', at('..-a'), /dot component/],
  ['a path inside', at('x/bin'), /a path inside a store path/],
  ['a slash at the end', at('x/'), /a path inside a store path/],
  ['a way out', at('x/../../etc'), /a path inside a store path/],
];
for (const [name, text, message] of INVALID) {
  test(`${name} is refused as a store path, and the reason said`, () => {
    assert.equal(isStorePath(text), false);
    assert.throws(() => parseStorePath(text), { name: 'NixpushError', code: 'ERR_FORMAT', message });
  });
}

test('the error says who carried the text', () => {
  assert.throws(() => parseStorePath('x', 'c.json: references'), {
    message: 'c.json: references: "x" is not a store path: it does not lie in /nix/store',
  });
});

test('a deeper path lies in its store path', () => {
  assert.equal(storePathOf(`${at('hello')}/bin/hello`), at('hello'));
  assert.equal(storePathOf(`${at('hello')}/`), at('hello'));
  assert.equal(storePathOf(at('hello')), at('hello'));
});

test('a deeper path below something that is no store path is refused', () => {
  assert.throws(() => storePathOf('/nix/store/.links/abc'), { code: 'ERR_FORMAT' });
});
