import { usageError } from '../../base/errors.ts';

/** A share as a part of 1: `10%` is 0.1. Throws ERR_USAGE. */
export function parsePruneLimit(text: string): number {
  const match = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
  const percent = Number(match?.[1]);
  if (match === null || percent > 100)
    throw usageError(
      `--prune-limit ${JSON.stringify(text)} is not a share from 0% to 100%`,
      'Write it like 10%.',
    );
  return percent / 100;
}
