import { NixpushError } from '../base/errors.ts';
import { referenceChain } from '../nix/reference-chain.ts';
import { parseStorePath } from '../nix/store-path.ts';
import { closureOf, type ClosureOfOptions } from './read/closure-of.ts';
import type { ReadClosure } from './read/named-content.ts';

export interface WhyResult {
  /** One for each path that was meant. */
  chains: readonly ReferenceChain[];
}

export interface ReferenceChain {
  path: string;
  /** Bytes of its NAR. */
  narSize: number;
  /** The shortest way from a root to it, both included. */
  chain: readonly string[];
}

/**
 * Why a store path is in a closure or an image: the shortest chain of references that pulls it in. `wanted` is a store
 * path or a name (`openssl`, `openssl-3.0.7`); a name may mean several. For an image all its layers are read.
 * Throws ERR_NOT_FOUND if nothing is meant.
 */
export async function why(text: string, wanted: string, options: ClosureOfOptions = {}): Promise<WhyResult> {
  const { roots, paths } = await closureOf(text, options);
  const meant = pathsMeant(wanted, paths);
  if (meant.length === 0)
    throw new NixpushError('ERR_NOT_FOUND', `${text} does not hold ${wanted}`, {
      hint: `nixpush inspect ${text} lists what it holds.`,
    });
  return {
    chains: meant.flatMap(({ path, narSize }) => {
      const chain = referenceChain(roots, path, paths);
      return chain === undefined ? [] : [{ path, narSize, chain }];
    }),
  };
}

/** By the strictest of these rules that finds anything: the path or one inside it, its name, its name without version, part of it. */
function pathsMeant(wanted: string, paths: ReadClosure['paths']): ReadClosure['paths'] {
  const rules: ((path: string, name: string) => boolean)[] = [
    (path) => wanted === path || wanted.startsWith(`${path}/`),
    (_, name) => name === wanted,
    (_, name) => name.startsWith(`${wanted}-`) && /\d/.test(name.charAt(wanted.length + 1)),
    (_, name) => name.includes(wanted),
  ];
  for (const rule of rules) {
    const meant = paths.filter(({ path }) => rule(path, parseStorePath(path).name));
    if (meant.length > 0) return meant;
  }
  return [];
}
