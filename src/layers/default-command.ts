import type { Steps } from '../base/steps.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { TreeListings } from '../nix/tree-listings.ts';

/**
 * What the image runs unless told otherwise: the only program in `bin/` of the given paths, or the one named like
 * its package (`hello-2.12` → `hello`). undefined where that does not decide it. With `links` as `/bin/hello`,
 * otherwise by store path.
 */
export function* defaultCommand(
  trees: TreeListings,
  roots: readonly string[],
  links: boolean,
): Steps<readonly string[] | undefined> {
  const programs: Program[] = [];
  for (const root of roots) programs.push(...(yield* programsOf(trees, root)));
  const named = programs.filter(({ name, root }) => isNamedLike(name, parseStorePath(root).name));
  const [only, ...others] = programs.length === 1 ? programs : named;
  if (only === undefined || others.length > 0) return undefined;
  return [links ? `/bin/${only.name}` : only.path];
}

interface Program {
  readonly name: string;
  readonly path: string;
  readonly root: string;
}

function* programsOf(trees: TreeListings, root: string): Steps<Program[]> {
  const programs: Program[] = [];
  for (const entry of yield* trees.listed(root)) {
    yield;
    const name = entry.name.toString();
    const runnable = entry.type === 'symlink' || (entry.type === 'file' && entry.executable);
    if (!runnable) continue;
    if (name === '') programs.push({ name: parseStorePath(root).name, path: root, root });
    const [, program] = /^bin\/([^/]+)$/.exec(name) ?? [];
    if (program !== undefined) programs.push({ name: program, path: `${root}/${name}`, root });
  }
  return programs;
}

/** The package's name as Nix parses it: everything before the first dash that no letter follows. */
function isNamedLike(program: string, storeName: string): boolean {
  return program === storeName.replace(/-[^a-zA-Z].*$/, '');
}
