import { definedClosure, storedPaths } from '../../definitions/definition-closure.ts';
import { readImageInput, type ImageInput } from '../../definitions/image-input.ts';
import { pathsOfLayer } from '../../definitions/nix2container-image.ts';
import { cacheDirectory } from '../../base/cache-directory.ts';
import type { ClosureSource, PathNode } from '../../nix/closure.ts';
import { openClosureSource, type SourceOptions } from '../../nix/open-source.ts';
import { namesPath } from '../names-path.ts';

/** A closure as far as an image shows it, too. */
export interface ReadClosure {
  readonly roots: readonly string[];
  readonly paths: readonly PathNode[];
}

/** What a PATH or REF stands for: an image that there is, or the store paths that a push would make one of. */
export type NamedContent =
  { readonly kind: 'image'; readonly reference: string } | ({ readonly kind: 'closure' } & ReadClosure);

export interface NamedContentOptions extends SourceOptions {
  signal?: AbortSignal;
}

/**
 * Looks at what `text` names, as push looks at a PATH: of what describes an image, the store paths of that image are
 * meant, without those of its base; an archive is an image itself. Throws NixpushError.
 */
export async function namedContent(text: string, options: NamedContentOptions): Promise<NamedContent> {
  if (!namesPath(text)) return { kind: 'image', reference: text };
  const { signal } = options;
  const source = openClosureSource(options, cacheDirectory());
  const input = await readImageInput([text], { trees: source.trees, ...(signal && { signal }) });
  if (input.kind === 'docker-archive') return { kind: 'image', reference: `docker-archive:${input.file}` };
  return { kind: 'closure', ...(await closureIn(input, source, signal)) };
}

async function closureIn(
  input: Exclude<ImageInput, { kind: 'docker-archive' }>,
  source: ClosureSource,
  signal: AbortSignal | undefined,
): Promise<ReadClosure> {
  switch (input.kind) {
    case 'store-paths':
      return source.closure(input.roots, signal);
    case 'definition': {
      const { definition, name } = input;
      const closure = await definedClosure(definition, name, source, signal);
      return onlyThese(storedPaths(definition, closure).paths);
    }
    case 'stream-config':
      return closureOfThese(input.config.store_layers.flat(), source, signal);
    case 'nix2container': {
      const paths = input.image.layers.flatMap((layer) => pathsOfLayer(layer).map(({ path }) => path));
      return closureOfThese(paths, source, signal);
    }
  }
}

/** Of an image that has just these store paths. */
async function closureOfThese(
  names: readonly string[],
  source: ClosureSource,
  signal: AbortSignal | undefined,
): Promise<ReadClosure> {
  if (names.length === 0) return { roots: [], paths: [] };
  const { paths } = await source.closure([...new Set(names)], signal);
  const there = new Set(names);
  return onlyThese(paths.filter(({ path }) => there.has(path)));
}

/** The roots are those that no other refers to. */
export function onlyThese(paths: readonly PathNode[]): ReadClosure {
  const used = new Set(paths.flatMap(({ references }) => references));
  return { roots: paths.flatMap(({ path }) => (used.has(path) ? [] : [path])), paths };
}
