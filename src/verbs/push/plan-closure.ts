import { defaultCommand } from '../../layers/default-command.ts';
import { resolveRoots } from '../../nix/roots.ts';
import type { PlannedImage, Planning } from './planning.ts';

/** The image of store paths and everything they refer to. Reads no file's content. Throws NixpushError. */
export async function planClosure(planning: Planning): Promise<PlannedImage> {
  const { source, settings, options } = planning;
  const { paths = [], noLinks, signal } = options;
  const roots = await resolveRoots(paths, { trees: source.trees, ...(signal && { signal }) });
  const closure = await source.closure(roots, signal);
  const trees = await planning.listings(closure);
  const links = noLinks !== true;
  const base = planning.base();
  return planning.plan(
    { closure, trees, links, ...(base && { base }) },
    { config: settings.config, command: () => defaultCommand(trees, closure.roots, links) },
  );
}
