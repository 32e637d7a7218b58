import { NixpushError } from '../../base/errors.ts';
import type { ImageStore, StoreOptions } from '../../stores/image-store.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredRepository } from './mirror-result.ts';
import { isInShard, type Shard } from './shard.ts';
import { tagsAbout } from '../copy/digest-tag.ts';
import type { Survey } from './survey.ts';

export interface PruneRules {
  /** From 0 to 1. */
  readonly limit: number;
  readonly shard: Shard | undefined;
  /** Tags that a source of this destination still has. */
  readonly isKept: (tag: string) => boolean;
}

/**
 * Removes the tags that the filters take and that the source has no more, if they are not too large a part of all that
 * the filters take. Only tags go: manifests that nothing needs any more are the registry's own matter, as other tags and
 * indexes may lead to them.
 */
export async function prune(
  { repository, to, here }: Survey,
  { limit, shard, isKept }: PruneRules,
  { checks, dryRun, options, tell }: MirrorContext,
): Promise<Pick<MirroredRepository, 'pruned' | 'error'>> {
  const { selector, toName } = repository;
  const matching = [...here].filter((tag) => selector.matches(tag));
  const dropped = matching.filter((tag) => !isKept(tag));
  if (dropped.length > matching.length * limit)
    return { pruned: [], error: tooMany(toName, dropped, matching, limit) };
  const pruned: string[] = [];
  for (const tag of dropped.filter((each) => shard === undefined || isInShard(`${toName}:${each}`, shard))) {
    try {
      if (!dryRun) await checks.run([to], () => remove(to, tag, { here, isKept, options }));
    } catch (error) {
      return { pruned, error: error as Error };
    }
    pruned.push(tag);
    if (!dryRun) tell({ type: 'mirror-pruned', image: `${toName}:${tag}` });
  }
  return { pruned };
}

interface Removal extends Pick<PruneRules, 'isKept'> {
  readonly here: ReadonlySet<string>;
  readonly options: StoreOptions;
}

/** The tag, and then cosign's tags about what it was. */
async function remove(to: ImageStore, tag: string, { here, isKept, options }: Removal): Promise<void> {
  if (to.deleteManifest === undefined)
    throw new NixpushError('ERR_USAGE', `${to.name}: nothing can be deleted there`);
  const image = await to.headManifest(tag, options);
  if (image === undefined) return;
  await to.deleteManifest(tag, options);
  for (const about of tagsAbout(image.digest, [...here])) {
    if (!isKept(about)) await to.deleteManifest(about, options);
  }
}

function tooMany(
  name: string,
  dropped: readonly string[],
  matching: readonly string[],
  limit: number,
): NixpushError {
  const percent = (share: number): string => `${Number((share * 100).toFixed(1))}%`;
  return new NixpushError(
    'ERR_LIMIT',
    `${name}: nothing is pruned, as the source lacks ${dropped.length} of ${matching.length} tags, more than ${percent(limit)}`,
    {
      hint: `If they are to go: --prune-limit ${percent(Math.ceil((dropped.length / matching.length) * 100) / 100)}.`,
    },
  );
}
