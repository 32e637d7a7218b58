import { createHash } from 'node:crypto';
import { usageError } from '../../base/errors.ts';

/** One part of work that is split among several machines. */
export interface Shard {
  /** From 0, as Kubernetes counts the pods of a Job. */
  readonly index: number;
  readonly count: number;
}

/** `I/N`, I from 0. Throws ERR_USAGE. */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || count < 1 || index >= count)
    throw usageError(
      `--shard ${JSON.stringify(text)} is not I/N`,
      'Shards are counted from 0: with 4 machines they are 0/4, 1/4, 2/4 and 3/4.',
    );
  return { index, count };
}

/** Whether an image, named as `HOST/REPO:TAG`, is for this shard: the same answer on every machine, for ever. */
export function isInShard(image: string, { index, count }: Shard): boolean {
  // 48 bits are exact in a number, and even enough.
  return createHash('sha256').update(image).digest().readUIntBE(0, 6) % count === index;
}
