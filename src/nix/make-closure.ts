import { NixpushError } from '../base/errors.ts';
import type { Steps } from '../base/steps.ts';
import type { Closure, ClosurePath } from './closure.ts';

/**
 * The closure of `roots` out of `infos`, which may hold more and in any order. `what` names where the infos come
 * from. Throws ERR_NOT_FOUND for a root that is not among them, ERR_FORMAT for a reference that is not.
 */
export function* makeClosure(
  roots: readonly string[],
  infos: readonly ClosurePath[],
  what: string,
): Steps<Closure> {
  const known = new Map(infos.map((info) => [info.path, info]));
  const reached = new Map<string, ClosurePath>();
  const pending: ClosurePath[] = [];

  const reach = (info: ClosurePath): void => {
    if (reached.has(info.path)) return;
    const references = [...new Set(info.references)].filter((reference) => reference !== info.path).sort();
    const clean = {
      ...info,
      references,
      ...(info.references.includes(info.path) && { refersToItself: true as const }),
    };
    reached.set(info.path, clean);
    pending.push(clean);
  };

  for (const root of roots) {
    const info = known.get(root);
    if (info === undefined) throw missingRoot(root, what);
    reach(info);
  }
  for (let info = pending.pop(); info !== undefined; info = pending.pop()) {
    for (const reference of info.references) {
      const target = known.get(reference);
      if (target === undefined) throw missingReference(info.path, reference, what);
      reach(target);
    }
    yield;
  }
  const paths = [...reached.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { roots: [...new Set(roots)], paths };
}

function missingRoot(root: string, what: string): NixpushError {
  return new NixpushError('ERR_NOT_FOUND', `${what}: it does not describe ${root}`, {
    path: root,
    hint: 'Name a path that it describes, or make it anew from this path.',
  });
}

function missingReference(path: string, reference: string, what: string): NixpushError {
  return new NixpushError(
    'ERR_FORMAT',
    `${what}: ${path} refers to ${reference}, which is not described: the closure is incomplete`,
    { path, hint: 'Make it with `nix path-info --recursive --json`, or with exportReferencesGraph.' },
  );
}
