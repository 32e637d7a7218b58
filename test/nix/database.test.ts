import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import type { ClosurePath } from '../../src/nix/closure.ts';
import { nixDatabase } from '../../src/nix/database/nix-database.ts';
import { NixStoreSource } from '../../src/nix/nix-store-source.ts';
import { treeLocation } from '../../src/nix/tree-location.ts';
import { appExpression } from '../support/nix-closures.ts';
import { nixBuild, nixEnvironment } from '../support/nix.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const READ = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(json.dumps({
    "integrity": db.execute("pragma integrity_check").fetchall(),
    "keys": db.execute("pragma foreign_key_check").fetchall(),
    "paths": db.execute("select id, path, hash, registrationTime, narSize from ValidPaths").fetchall(),
    "found": db.execute("select count(*) from ValidPaths v where id = (select id from ValidPaths where path = v.path)").fetchone()[0],
    "references": db.execute("select referrer, reference from Refs order by referrer, reference").fetchall(),
    "referrers": db.execute("select count(*) from ValidPaths p, Refs r where r.reference = p.id").fetchone()[0],
}))
db.execute("insert into ValidPaths (path, hash, registrationTime) values ('/nix/store/new', 'x', 1)")
db.execute("delete from ValidPaths where id not in (select reference from Refs where referrer <> reference)")
print(json.dumps(db.execute("pragma integrity_check").fetchall()))
`;

interface Contents {
  readonly integrity: unknown;
  readonly keys: unknown;
  readonly paths: unknown[][];
  readonly found: number;
  readonly references: number[][];
  readonly referrers: number;
}

/** A closure of `count` paths where each refers to up to `references` of those before it. */
function madePaths(count: number, references: number): ClosurePath[] {
  const path = (at: number): string => `/nix/store/${String(at).padStart(32, '0')}-${'n'.repeat(at % 200)}p`;
  return Array.from({ length: count }, (_, at) => ({
    path: path(at),
    narHash: sha256(String(at)),
    narSize: 10 ** (at % 13) + at,
    references: [
      ...new Set(Array.from({ length: references }, (_none, n) => Math.floor((at * (n + 1)) / (n + 2)))),
    ]
      .filter((other) => other < at)
      .map(path),
    ...(at % 4 === 1 && { refersToItself: true as const }),
  }));
}

describe('a Nix database', needs('python3'), () => {
  for (const [count, references] of [
    [0, 0],
    [1, 0],
    [2, 1],
    [17, 3],
    [300, 5],
    [2000, 12],
  ] as const)
    test(`of ${count} paths is what SQLite reads, finds and changes`, (t) => {
      const paths = madePaths(count, references);
      const file = join(temporaryDirectory(t), 'db.sqlite');
      writeFileSync(file, nixDatabase(paths, 1));
      const lines = execFileSync('python3', ['-c', READ, file], { encoding: 'utf8', maxBuffer: 2 ** 24 })
        .trim()
        .split('\n');
      const read = JSON.parse(lines[0]!) as Contents;
      assert.deepEqual([read.integrity, read.keys], [[['ok']], []]);
      assert.deepEqual(
        read.paths,
        paths.map(({ path, narHash, narSize }, at) => [at + 1, path, narHash, 1, narSize]),
      );
      assert.equal(read.found, count);
      const ids = new Map(paths.map(({ path }, at) => [path, at + 1]));
      const expected = paths.flatMap(({ path, references: names, refersToItself }) =>
        [...names, ...(refersToItself ? [path] : [])].map(
          (name) => [ids.get(path)!, ids.get(name)!] as const,
        ),
      );
      assert.deepEqual(
        read.references,
        expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]),
      );
      assert.equal(read.referrers, expected.length);
      assert.equal(lines[1], '[["ok"]]');
    });
});

test('Nix verifies the store with it, and asks it for references', needs('nix', 'busybox'), async (t) => {
  const app = nixBuild(appExpression());
  const { paths } = await new NixStoreSource(treeLocation()).closure([app]);
  const state = temporaryDirectory(t);
  mkdirSync(join(state, 'db'));
  writeFileSync(join(state, 'db/db.sqlite'), nixDatabase(paths, 1));
  writeFileSync(join(state, 'db/schema'), '10');
  const query = (...args: string[]): string[] =>
    execFileSync('nix-store', args, {
      encoding: 'utf8',
      env: { ...nixEnvironment, NIX_STATE_DIR: state },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split('\n');
  assert.deepEqual(
    query('--query', '--requisites', app).sort(),
    paths.map(({ path }) => path),
  );
  const { references } = paths.find(({ path }) => path === app)!;
  assert.deepEqual(query('--query', '--references', app).sort(), references);
  // Reads and hashes each.
  query('--verify-path', ...paths.map(({ path }) => path));
});
