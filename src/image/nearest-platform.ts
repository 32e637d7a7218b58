import type { Platform } from './descriptor.ts';
import { variantOf } from './platform.ts';

/**
 * Those of `candidates` whose programs run on `wanted`, nearest first: the same variant, then older ones, newest of
 * them first (`arm/v7` runs `arm/v6`). If no variant is asked for, newer ones come last.
 */
export function nearestPlatforms<T extends { readonly platform?: Platform }>(
  candidates: readonly T[],
  wanted: Platform,
): T[] {
  const level = levelOf(wanted);
  const distance = ({ platform }: T): number => {
    if (platform?.os !== wanted.os || platform.architecture !== wanted.architecture) return Infinity;
    if (variantOf(platform) === variantOf(wanted)) return 0;
    const difference = level - levelOf(platform);
    if (difference > 0) return difference;
    return wanted.variant === undefined ? 1000 - difference : Infinity;
  };
  return candidates
    .map((candidate) => ({ candidate, distance: distance(candidate) }))
    .filter((found) => found.distance < Infinity)
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
}

/** `v8.2` is 8.2; variants that are no numbers are never older than another. */
function levelOf(platform: Platform): number {
  return Number(/^v(\d+(?:\.\d+)?)$/.exec(variantOf(platform) ?? '')?.[1] ?? Number.NaN);
}
