import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { atOnce } from '../../src/base/steps.ts';
import { parseClosureFile } from '../../src/nix/closure-file.ts';
import type { ClosurePath } from '../../src/nix/closure.ts';
import { makeClosure } from '../../src/nix/make-closure.ts';
import { openClosureSource } from '../../src/nix/open-source.ts';
import { parsePathInfo } from '../../src/nix/path-info.ts';
import { repoRoot } from '../support/repo.ts';

const fixtures = join(repoRoot, 'test/fixtures');
const scratch = mkdtempSync(join(tmpdir(), 'nixpush-closure-'));
after(() => rmSync(scratch, { recursive: true }));

const APP = '/nix/store/0nijbpav839cl6av0vd8682ddr5f5nqy-app-3.0+rc_1';
const LIB = '/nix/store/032sysd6w2m2w7bb04ri6mgb36j4wyxa-lib-2.1';
const BASE = '/nix/store/m2y6wrszi83hj7japl78wa8v749mmpjg-base-1.0';
const EXPECTED: ClosurePath[] = [
  {
    path: LIB,
    narHash: 'sha256:7e2e297ce90bda3e405eec350d125925a2b43113c26b3c9de24fe2a90360af55',
    narSize: 560,
    references: [BASE],
    refersToItself: true,
  },
  {
    path: APP,
    narHash: 'sha256:929ca10d5a2d6f88f5049489fdbee9282b9c897bf1273dab8fd9a6a0f4af93ce',
    narSize: 784,
    references: [LIB, BASE],
  },
  {
    path: BASE,
    narHash: 'sha256:c50e9b755491e53e59b1d3577ab976b20ff4f38390191bd054b2b7ff7db6e520',
    narSize: 456,
    references: [],
  },
];

for (const file of [
  'path-info/list-2.8.json',
  'path-info/keyed-2.19.json',
  'path-info/keyed-2.33.json',
  'path-info/versioned-2.33.json',
  'path-info/references-graph.json',
  'path-info/references-graph-named.json',
  'path-info/attrs.json',
  'closure-info/registration',
  'closure-info/dump-db',
  'closure-info',
]) {
  test(`${file} gives the closure`, async () => {
    const source = openClosureSource({ closure: join(fixtures, file) });
    assert.deepEqual(await source.closure([APP]), { roots: [APP], paths: EXPECTED });
  });
}

test('a closure holds only what its roots reach', async () => {
  const source = openClosureSource({ closure: join(fixtures, 'path-info/list-2.8.json') });
  assert.deepEqual((await source.closure([LIB])).paths, [EXPECTED[0], EXPECTED[2]]);
});

test('roots keep their order, and each counts once', () => {
  assert.deepEqual(atOnce(makeClosure([BASE, APP, BASE], EXPECTED, 'x')).roots, [BASE, APP]);
});

test('paths that refer to each other make a closure', () => {
  const circle = EXPECTED.map((info) => ({ ...info, references: [APP, LIB, BASE] }));
  const { paths } = atOnce(makeClosure([BASE], circle, 'x'));
  assert.deepEqual(
    paths.map((info) => info.references),
    [
      [APP, BASE],
      [LIB, BASE],
      [LIB, APP],
    ],
  );
});

const numbered = (i: number): string => `/nix/store/${String(i).padStart(32, '0')}-x`;

test('a chain of 20,000 references is no problem', () => {
  const chain = Array.from({ length: 20_000 }, (_, i) => ({
    ...EXPECTED[0]!,
    path: numbered(i),
    references: i > 0 ? [numbered(i - 1)] : [],
  }));
  assert.equal(atOnce(makeClosure([numbered(19_999)], chain, 'x')).paths.length, 20_000);
});

test('a root that is not described is named', () => {
  assert.throws(() => atOnce(makeClosure([APP], EXPECTED.slice(0, 1), 'c.json')), {
    code: 'ERR_NOT_FOUND',
    message: `c.json: it does not describe ${APP}`,
    path: APP,
  });
});

test('a reference that is not described is named with its referrer', () => {
  assert.throws(() => atOnce(makeClosure([APP], EXPECTED.slice(0, 2), 'c.json')), {
    code: 'ERR_FORMAT',
    message: /^c\.json: \S+-(lib-2\.1|app-3\.0\+rc_1) refers to \S+-base-1\.0, which is not described/,
  });
});

const INFO = { path: BASE, narHash: 'sha256-xQ6bdVSR5T5ZsdNXerl2sg/084OQGRvQVLK3/3225SA=', narSize: 456 };
const without = (key: string): unknown =>
  Object.fromEntries(Object.entries({ ...INFO, references: [] }).filter(([k]) => k !== key));

const REFUSED: [string, unknown, string, RegExp][] = [
  ['a string', 'x', 'ERR_FORMAT', /not what `nix path-info --json` prints/],
  ['null', null, 'ERR_FORMAT', /not what `nix path-info --json` prints/],
  ['an entry without a path', [without('path')], 'ERR_FORMAT', /nothing is not a store path/],
  ['an entry without a hash', [without('narHash')], 'ERR_FORMAT', /base-1\.0 has no narHash/],
  ['an entry without a size', [without('narSize')], 'ERR_FORMAT', /base-1\.0 has no narSize/],
  ['an entry without references', [without('references')], 'ERR_FORMAT', /base-1\.0 has no references/],
  ['references that are no list', [{ ...INFO, references: 'x' }], 'ERR_FORMAT', /references: not a list/],
  ['a reference that is no path', [{ ...INFO, references: ['x'] }], 'ERR_FORMAT', /references: "x" is not/],
  ['a size that is text', [{ ...INFO, references: [], narSize: '456' }], 'ERR_FORMAT', /narSize: "456"/],
  ['a size of nothing', [{ ...INFO, references: [], narSize: 0 }], 'ERR_FORMAT', /narSize: 0 is not/],
  ['a broken hash', [{ ...INFO, references: [], narHash: 'sha256-' }], 'ERR_FORMAT', /narHash: "sha256-" is/],
  ['an invalid path, list', [{ path: BASE, valid: false }], 'ERR_NOT_FOUND', /base-1\.0 is not valid/],
  ['an invalid path, keyed', { [BASE]: null }, 'ERR_NOT_FOUND', /base-1\.0 is not valid/],
  [
    'an invalid path, versioned',
    { version: 2, storeDir: '/nix/store', info: { [BASE.slice(11)]: null } },
    'ERR_NOT_FOUND',
    /base-1\.0 is not valid/,
  ],
  ['a version of the future', { version: 9, info: {} }, 'ERR_FORMAT', /version 9 .* is not known/],
  ['no version', { info: {} }, 'ERR_FORMAT', /version missing .* is not known/],
  ['another store', { version: 2, storeDir: '/gnu', info: {} }, 'ERR_FORMAT', /describes the store "\/gnu"/],
];
for (const [name, value, code, message] of REFUSED) {
  test(`path info with ${name} is refused`, () => {
    assert.throws(() => atOnce(parsePathInfo(value, 'c.json')), { name: 'NixpushError', code, message });
  });
}

const BASE_LINES = [BASE, '0'.repeat(64), '456', '', '0'];
const changed = (index: number, line: string): string => `${BASE_LINES.with(index, line).join('\n')}\n`;
const BROKEN: [string, string, RegExp][] = [
  ['nothing in it', '', /neither JSON nor a registration/],
  ['other text', 'hello', /neither JSON nor a registration/],
  ['half a JSON', '[{', /c\.txt: .*JSON/],
  ['an empty graph of a name', '{"closure": []}', /"closure" is not a store path/],
  ['a line missing', BASE_LINES.slice(0, 4).join('\n'), /ends in the middle of an entry/],
  ['a reference missing', changed(4, '1'), /ends in the middle of an entry/],
  ['a wrong hash', changed(1, 'abc'), /c\.txt, line 2: "sha256:abc" is not a SHA-256/],
  ['a wrong size', changed(2, '-1'), /c\.txt, line 3: "-1" is not a number/],
  ['a wrong count', changed(4, 'x'), /c\.txt, line 5: "x" is not a number/],
  ['a wrong second path', `${BASE_LINES.join('\n')}\nx\n\n\n\n\n`, /c\.txt, line 6: "x" is not a store path/],
];
for (const [name, text, message] of BROKEN) {
  test(`a closure file with ${name} is refused`, () => {
    assert.throws(() => atOnce(parseClosureFile(text, 'c.txt')), { code: 'ERR_FORMAT', message });
  });
}

test('a registration may end without a line end', () => {
  assert.equal(atOnce(parseClosureFile(BASE_LINES.join('\n'), 'c.txt')).length, 1);
});

test('a closure file that does not exist is named', async () => {
  const source = openClosureSource({ closure: join(scratch, 'none.json') });
  await assert.rejects(source.closure([APP]), {
    code: 'ERR_NOT_FOUND',
    message: `cannot read the closure file ${join(scratch, 'none.json')}: it does not exist`,
  });
});

test('reading a closure file stops at a signal', async () => {
  const file = join(scratch, 'c.json');
  writeFileSync(file, readFileSync(join(fixtures, 'path-info/list-2.8.json')));
  const source = openClosureSource({ closure: file });
  await assert.rejects(source.closure([APP], AbortSignal.abort()), { code: 'ERR_ABORTED' });
});

test('a store that is no directory is refused', () => {
  assert.throws(() => openClosureSource({ store: scratch }), {
    code: 'ERR_NOT_FOUND',
    message: `cannot use the store ${scratch}: ${scratch}/nix/store is not a directory`,
  });
});

test('a store that is a URL is refused, its text unsaid', () => {
  assert.throws(
    () => openClosureSource({ store: 'https://user:secret@cache/' }),
    (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'ERR_USAGE');
      assert.ok(!error.message.includes('secret'));
      return true;
    },
  );
});
