import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/base/digest.ts';
import type { ClosurePath } from '../../src/nix/closure.ts';
import { repoRoot } from './repo.ts';

export function closurePath(path: string, narSize: number, references: string[]): ClosurePath {
  return { path, narHash: sha256(path), narSize, references };
}

export function named(name: string): string {
  return `/nix/store/${name.toLowerCase().repeat(32)}-${name}`;
}

/** `A: [size, 'B G']`: names in store paths whose hashes sort like the names. */
export function closure(nodes: Record<string, [narSize: number, references: string]>): ClosurePath[] {
  return Object.entries(nodes).map(([name, [narSize, references]]) =>
    closurePath(named(name), narSize, references.split(' ').filter(Boolean).map(named)),
  );
}

/** `[F][BCDE]`: layers of one-letter names. */
export function shown(layers: readonly (readonly string[])[]): string {
  return layers
    .map((layer) => `[${layer.map((path) => path.slice(path.indexOf('-') + 1)).join('')}]`)
    .join('');
}

/** Closures of real packages in test/fixtures/layer-plan, each line a path: name, NAR size, line numbers of its references. */
export function realClosure(name: string): ClosurePath[] {
  const text = readFileSync(join(repoRoot, 'test/fixtures/layer-plan', `${name}.txt`), 'utf8');
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
  return rows.map(([base, narSize, ...references]) =>
    closurePath(
      `/nix/store/${base!}`,
      Number(narSize),
      references.map((row) => `/nix/store/${rows[Number(row)]![0]!}`),
    ),
  );
}
