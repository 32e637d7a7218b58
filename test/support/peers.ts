import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Options for a test that runs other people's programs: `test('…', needs('nix', 'skopeo'), …)`. It is skipped where
 * one is missing, but in CI, which installs them all, a missing one is an error: a test that never runs proves nothing.
 */
export function needs(...programs: string[]): { skip?: string } {
  const missing = programs.filter((program) => !isOnPath(program));
  if (missing.length === 0) return {};
  const reason = `needs ${missing.join(', ')} (scripts/setup-peers installs it)`;
  if (process.env['CI'] !== undefined) throw new Error(reason);
  return { skip: reason };
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
