import type { ClosurePath } from '../closure.ts';
import type { SqlValue } from './sqlite-record.ts';
import { SqliteFile } from './sqlite-file.ts';

/** What `/nix/var/nix/db/schema` says of a database made here. */
export const NIX_SCHEMA_VERSION = '10';

/**
 * `/nix/var/nix/db/db.sqlite` of a store that holds these paths, as `nix-store --load-db` would make it (Nix,
 * libstore/schema.sql), but the same bytes for the same paths. `time` is when they came, in seconds since 1970.
 */
export function nixDatabase(paths: readonly ClosurePath[], time: number): Buffer {
  const ids = new Map(paths.map(({ path }, at) => [path, at + 1]));
  const references = paths.flatMap(({ path, references: names, refersToItself }) =>
    [...names, ...(refersToItself ? [path] : [])].map((name): [number, number] => [
      ids.get(path)!,
      ids.get(name)!,
    ]),
  );
  references.sort(byNumbers);
  const file = new SqliteFile();
  file.addTable(
    'ValidPaths',
    VALID_PATHS,
    // The id is the rowid, and the column null; nothing is known of deriver, ultimate, sigs and ca.
    paths.map(({ path, narHash, narSize }) => [null, path, narHash, time, null, narSize, null, null, null]),
  );
  file.addIndex('sqlite_autoindex_ValidPaths_1', 'ValidPaths', null, [...ids].sort(byPath));
  file.addTable('sqlite_sequence', 'CREATE TABLE sqlite_sequence(name,seq)', [['ValidPaths', paths.length]]);
  file.addTable('Refs', REFS, references);
  file.addIndex('sqlite_autoindex_Refs_1', 'Refs', null, references.map(withRowid));
  const referrers = references.map(([referrer], at) => [referrer, at + 1]);
  file.addIndex('IndexReferrer', 'Refs', 'CREATE INDEX IndexReferrer on Refs(referrer)', referrers);
  const referred = references
    .map(([, reference], at): [number, number] => [reference, at + 1])
    .sort(byNumbers);
  file.addIndex('IndexReference', 'Refs', 'CREATE INDEX IndexReference on Refs(reference)', referred);
  file.addTrigger('DeleteSelfRefs', 'ValidPaths', DELETE_SELF_REFS);
  file.addTable('DerivationOutputs', DERIVATION_OUTPUTS, []);
  file.addIndex('sqlite_autoindex_DerivationOutputs_1', 'DerivationOutputs', null, []);
  file.addIndex(
    'IndexDerivationOutputs',
    'DerivationOutputs',
    'CREATE INDEX IndexDerivationOutputs on DerivationOutputs(path)',
    [],
  );
  return file.bytes();
}

const VALID_PATHS = `CREATE TABLE ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer, -- null implies "false"
    sigs             text, -- space-separated
    ca               text -- if not null, an assertion that the path is content-addressed; see ValidPathInfo
)`;

const REFS = `CREATE TABLE Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
)`;

const DELETE_SELF_REFS = `CREATE TRIGGER DeleteSelfRefs before delete on ValidPaths
  begin
    delete from Refs where referrer = old.id and reference = old.id;
  end`;

const DERIVATION_OUTPUTS = `CREATE TABLE DerivationOutputs (
    drv  integer not null,
    id   text not null, -- symbolic output id, usually "out"
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
)`;

function withRowid(row: readonly SqlValue[], at: number): SqlValue[] {
  return [...row, at + 1];
}

/** SQLite's order of texts: that of their bytes. Store paths are ASCII. */
function byPath([a]: [string, number], [b]: [string, number]): number {
  return a < b ? -1 : 1;
}

function byNumbers(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}
