import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's root; tests run compiled, at another depth than their sources. */
export const repoRoot: string = findRoot(import.meta.dirname);

function findRoot(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : findRoot(dirname(directory));
}
