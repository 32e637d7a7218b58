import { closureSizes, type PathSize } from '../nix/closure-size.ts';
import type { SourceOptions } from '../nix/open-source.ts';
import { closureOfPath } from './closure-of.ts';

export interface InspectPathOptions extends SourceOptions {
  signal?: AbortSignal;
}

/** What a PATH and all it refers to take, before they become an image. */
export interface InspectedClosure {
  kind: 'closure';
  roots: readonly string[];
  /** Bytes of all. */
  narSize: number;
  /** The smallest closure first, as it grows from the leaves to the roots. */
  paths: readonly PathSize[];
}

/** Looks at the closure of a PATH as push takes it. Throws NixpushError. */
export async function inspectPath(path: string, options: InspectPathOptions = {}): Promise<InspectedClosure> {
  const { roots, paths } = await closureOfPath(path, options);
  const narSize = paths.reduce((sum, each) => sum + each.narSize, 0);
  return { kind: 'closure', roots, narSize, paths: closureSizes(paths) };
}
