import { abortError, usageError } from '../base/errors.ts';
import { cacheDirectory } from '../base/cache-directory.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import { BlobPlaces } from './destination/blob-places.ts';
import { chooseImages } from './mirror/choose-images.ts';
import { CountedBlobs } from './mirror/counted-blobs.ts';
import { HostLimits } from './mirror/host-limits.ts';
import { Journal } from './mirror/journal.ts';
import type { MirrorContext } from './mirror/mirror-context.ts';
import { mirrorImage } from './mirror/mirror-image.ts';
import type { MirrorOptions, MirrorSpec } from './mirror/mirror-options.ts';
import type { MirroredRepository, MirrorResult } from './mirror/mirror-result.ts';
import { prune } from './mirror/prune.ts';
import { PullBudget } from './mirror/pull-budget.ts';
import { repositoryMirror, type RepositoryMirror } from './mirror/repository-mirror.ts';
import { Stores } from './mirror/stores.ts';
import { survey, type Survey } from './mirror/survey.ts';

/** Images copied at the same time, for each registry. */
const DEFAULT_JOBS = 4;
/** Requests that look at tags, for each registry. */
const CHECKS = 16;
const DEFAULT_PRUNE_LIMIT = 0.1;

/**
 * Brings repositories up to date with others: every tag that the filters choose, with signatures and whatever else is
 * attached to its image. What the journal of earlier runs knows as done costs one request. A tag or repository that
 * fails is reported in the result while the others go on. Throws ERR_USAGE before anything is opened, and ERR_ABORTED.
 */
export async function mirror(
  specs: readonly MirrorSpec[],
  options: MirrorOptions = {},
): Promise<MirrorResult> {
  const { registry, onProgress, signal } = options;
  checkNumbers(options);
  const repositories = await Promise.all(specs.map(repositoryMirror));
  const journal = await Journal.open(cacheDirectory());
  const clients = new Map<string, RegistryClient>();
  const tell: MirrorContext['tell'] = (event) => onProgress?.(event);
  const stores = new Stores(
    {
      clients,
      ...(registry !== undefined && { registry }),
      onProgress: (event) => {
        if (event.type === 'wait' || event.type === 'warning') tell(event);
      },
      signal,
    },
    journal,
  );
  const context: MirrorContext = {
    stores,
    journal,
    places: new BlobPlaces(stores),
    budget: new PullBudget(clients),
    checks: new HostLimits(CHECKS),
    copies: new HostLimits(options.jobs ?? DEFAULT_JOBS),
    dryRun: options.dryRun ?? false,
    recheck: options.recheck ?? false,
    counted: new CountedBlobs(),
    options: signal === undefined ? {} : { signal },
    tell,
  };
  try {
    const result = await mirrorAll(repositories, options, context);
    if (signal?.aborted === true) throw abortError(signal);
    return result;
  } finally {
    await stores.close();
  }
}

function checkNumbers({ jobs, pruneLimit }: MirrorOptions): void {
  if (jobs !== undefined && (!Number.isSafeInteger(jobs) || jobs < 1))
    throw usageError(`--jobs ${jobs} is not a whole number above 0`);
  if (pruneLimit !== undefined && !(pruneLimit >= 0 && pruneLimit <= 1))
    throw usageError(`a prune limit of ${pruneLimit} is not a share from 0 to 1`);
}

async function mirrorAll(
  repositories: readonly RepositoryMirror[],
  options: MirrorOptions,
  context: MirrorContext,
): Promise<MirrorResult> {
  const surveys = await Promise.all(
    repositories.map((repository) => survey(repository, context).catch((error: unknown) => error as Error)),
  );
  const chosen = chooseImages(surveys.filter(isSurvey), options.shard);
  context.tell({ type: 'mirror-images', images: [...chosen.values()].flat().length });
  const mirrored = await Promise.all(
    surveys.map(async (each, at): Promise<MirroredRepository> => {
      const { fromName: from, toName: to } = repositories[at]!;
      if (!isSurvey(each)) return { from, to, images: [], pruned: [], error: each };
      const images = await Promise.all(chosen.get(each)!.map((choice) => mirrorImage(each, choice, context)));
      return { from, to, images, pruned: [] };
    }),
  );
  if (options.prune !== true || context.options.signal?.aborted === true) return { repositories: mirrored };
  return { repositories: await pruneAll(mirrored, surveys, options, context) };
}

function isSurvey(each: Survey | Error): each is Survey {
  return !(each instanceof Error);
}

/** After all images are there. What one source of a destination dropped another one may have, so all must be known. */
async function pruneAll(
  mirrored: readonly MirroredRepository[],
  surveys: readonly (Survey | Error)[],
  { pruneLimit = DEFAULT_PRUNE_LIMIT, shard }: MirrorOptions,
  context: MirrorContext,
): Promise<MirroredRepository[]> {
  const unknown = new Set(mirrored.filter((_, at) => !isSurvey(surveys[at]!)).map(({ to }) => to));
  const result: MirroredRepository[] = [];
  for (const [at, each] of surveys.entries()) {
    const repository = mirrored[at]!;
    if (!isSurvey(each) || unknown.has(repository.to)) {
      result.push(repository);
      continue;
    }
    const sources = surveys.filter(isSurvey).filter((other) => other.repository.toName === repository.to);
    const isKept = (tag: string): boolean => sources.some(({ there }) => there.has(tag));
    result.push({ ...repository, ...(await prune(each, { limit: pruneLimit, shard, isKept }, context)) });
  }
  return result;
}
