import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repoRoot } from './repo.ts';

/** The repository's example: a relocated store and its closure file. */
export const exampleDirectory: string = join(repoRoot, 'examples');

const closure = JSON.parse(readFileSync(join(exampleDirectory, 'closure.json'), 'utf8')) as {
  path: string;
}[];

/** The store path of its program. */
export const examplePath: string = closure.find(({ path }) => path.includes('-hello-nixpush-1'))!.path;

/** Arguments that push it, but for where to; `directory` holds a copy of the example. */
export function examplePushFrom(directory: string): string[] {
  const source = ['--store', join(directory, 'store'), '--closure', join(directory, 'closure.json')];
  return [examplePath, ...source, '--platform', 'linux/amd64'];
}

export const examplePush: readonly string[] = examplePushFrom(exampleDirectory);
