import { posix } from 'node:path';
import type { Closure } from '../nix/closure.ts';
import { NIX_SCHEMA_VERSION, nixDatabase } from '../nix/database/nix-database.ts';
import type { ImageDefinition } from './image-definition.ts';
import type { RootTree } from './root-tree.ts';

/**
 * What nix in the image needs to know the store paths there: its database, and roots for the contents so that it does
 * not collect them as garbage, as nixpkgs' includeNixDB makes both. `time` in seconds since 1970.
 */
export function addNixDatabase(
  root: RootTree,
  { contents = [], copyToRoot = [] }: ImageDefinition,
  { paths }: Closure,
  time: number,
): void {
  const origin = { where: 'includeNixDB', declared: false };
  const database = { bytes: nixDatabase(paths, time) };
  const schema = { bytes: Buffer.from(NIX_SCHEMA_VERSION) };
  root.add({ path: '/nix/var/nix/db/db.sqlite', type: 'file', mode: 0o644, content: database }, origin);
  root.add({ path: '/nix/var/nix/db/schema', type: 'file', mode: 0o644, content: schema }, origin);
  const there = new Set(paths.map(({ path: name }) => name));
  for (const target of [...contents, ...copyToRoot].filter((name) => there.has(name))) {
    const path = posix.join('/nix/var/nix/gcroots/docker', posix.basename(target));
    root.add({ path, type: 'symlink', mode: 0o777, target }, origin);
  }
}
