import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { repoRoot } from './repo.ts';

// What scripts/setup-peers builds comes before what the system has.
process.env['PATH'] = [join(repoRoot, '.peers/bin'), process.env['PATH']].join(delimiter);

/**
 * Options for a test that runs other people's programs: `test('…', needs('nix', 'skopeo'), …)`. It is skipped where
 * one is missing, but in CI, which installs them all, a missing one is an error: a test that never runs proves nothing.
 */
export function needs(...programs: string[]): { skip?: string } {
  const missing = programs.filter((program) => !isOnPath(program));
  return unless(missing.length === 0, `needs ${missing.join(', ')} (scripts/setup-peers installs it)`);
}

/** The same for a test that only root may run: it mounts, or changes its root directory. */
export function needsRoot(...programs: string[]): { skip?: string } {
  return { ...needs(...programs), ...unless(process.getuid?.() === 0, 'needs to be run by root') };
}

/** The same for one of the other Node versions that scripts/setup-peers fetches; `node` is its program. */
export function needsNode(node: string): { skip?: string } {
  return unless(isExecutable(node), `needs ${node} (scripts/setup-peers fetches it)`);
}

function unless(fulfilled: boolean, reason: string): { skip?: string } {
  if (fulfilled) return {};
  if (process.env['CI'] !== undefined) throw new Error(reason);
  return { skip: reason };
}

function isOnPath(program: string): boolean {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.some((directory) => isExecutable(join(directory, program)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
