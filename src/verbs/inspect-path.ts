import { closureSizes, type PathSize } from '../nix/closure-size.ts';
import { inspect, type InspectResult } from './inspect.ts';
import { namedContent, type NamedContentOptions } from './read/named-content.ts';

export interface InspectPathOptions extends NamedContentOptions {
  /** Of an archive: read all its layers, to say how large each store path in it is. */
  sizes?: boolean;
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

/**
 * Looks at the closure of a PATH as push takes it: of the store paths in an image, where it describes one; an archive is
 * looked at as an image. Throws NixpushError.
 */
export async function inspectPath(
  path: string,
  options: InspectPathOptions = {},
): Promise<InspectedClosure | InspectResult> {
  const named = await namedContent(path, options);
  if (named.kind === 'image') {
    const { sizes = false, signal } = options;
    return inspect(named.reference, { sizes, ...(signal && { signal }) });
  }
  const { roots, paths } = named;
  const narSize = paths.reduce((sum, each) => sum + each.narSize, 0);
  return { kind: 'closure', roots, narSize, paths: closureSizes(paths) };
}
