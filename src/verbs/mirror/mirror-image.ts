import { NixpushError, usageError } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { withAttachments } from '../copy/copy-attachments.ts';
import { planCopy, type CopyPlan } from '../copy/copy-plan.ts';
import { selectPlatforms } from '../copy/select-platforms.ts';
import type { ChosenImage } from './choose-images.ts';
import { copyPlanned } from './copy-planned.ts';
import { tagsAbout } from '../copy/digest-tag.ts';
import { estimateCopy } from './estimate-copy.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredImage } from './mirror-result.ts';
import type { Survey } from './survey.ts';

/** Brings one tag up to date, or finds that it is. A failure is told and returned, not thrown. */
export async function mirrorImage(
  survey: Survey,
  { tag, takenBy }: ChosenImage,
  context: MirrorContext,
): Promise<MirroredImage> {
  const image = `${survey.repository.toName}:${tag}`;
  const work =
    takenBy === undefined ? settle(survey, tag, context) : Promise.reject(clash(image, survey, takenBy));
  const result = await work.catch((error: unknown): MirroredImage => {
    context.budget.note(error);
    return { tag, outcome: 'failed', bytes: 0, error: error as Error };
  });
  // What was stopped has not failed.
  if (context.options.signal?.aborted === true && result.outcome === 'failed') return result;
  const { tag: _, ...outcome } = result;
  context.tell({ type: 'mirror-image', image, ...outcome });
  return result;
}

function clash(image: string, { repository }: Survey, takenBy: string): NixpushError {
  return usageError(
    `${image} is to be a copy of ${takenBy} and of ${repository.fromName} as well`,
    'Let the filters of one leave out the tag, or mirror into two repositories.',
  );
}

async function settle(survey: Survey, tag: string, context: MirrorContext): Promise<MirroredImage> {
  const { from, to } = survey;
  const { head, digest } = await context.checks.run([from], () => look(survey, tag, context));
  if (digest !== undefined) return { tag, outcome: 'unchanged', digest, bytes: 0 };
  return context.copies.run([from, to], async () => {
    context.budget.check(from);
    const plan = await planImage(survey, head.digest, context);
    return context.dryRun
      ? estimateCopy(survey, tag, plan, context)
      : copyPlanned(survey, { tag, head, plan }, context);
  });
}

interface Look {
  /** What the tag is at the source. */
  readonly head: Descriptor;
  /** What it is at the destination, if it needs no copy. */
  readonly digest: Digest | undefined;
}

async function look(survey: Survey, tag: string, context: MirrorContext): Promise<Look> {
  const { from, repository } = survey;
  const head = await from.headManifest(tag, context.options);
  if (head === undefined)
    throw new NixpushError(
      'ERR_NOT_FOUND',
      `${repository.fromName}:${tag} is in the list of tags, but does not exist`,
    );
  return { head, digest: context.recheck ? undefined : await unchanged(survey, tag, head, context) };
}

/** Neither the tag nor a tag of cosign's about it needs a copy. */
async function unchanged(
  survey: Survey,
  tag: string,
  head: Descriptor,
  context: MirrorContext,
): Promise<Digest | undefined> {
  const digest = await mirrored(survey, tag, head.digest, context);
  if (digest === undefined) return undefined;
  for (const about of tagsAbout(head.digest, survey.digestTags)) {
    const attached = await survey.from.headManifest(about, context.options);
    if (attached !== undefined && (await mirrored(survey, about, attached.digest, context)) === undefined)
      return undefined;
  }
  return digest;
}

/** By the journal, or else because the destination has the same; with platforms chosen that does not show. */
async function mirrored(
  { repository, to, here }: Survey,
  tag: string,
  source: Digest,
  { journal, dryRun, options }: MirrorContext,
): Promise<Digest | undefined> {
  if (!here.has(tag)) return undefined;
  const known = journal.image(repository.key(tag));
  if (known?.source === source) return known.destination;
  if (repository.platforms.length > 0) return undefined;
  if ((await to.headManifest(tag, options))?.digest !== source) return undefined;
  if (!dryRun) await journal.addImage(repository.key(tag), { source, destination: source });
  return source;
}

/** By digest, as the tag may move meanwhile. */
async function planImage(
  { from, repository, attachments }: Survey,
  digest: Digest,
  { options }: MirrorContext,
): Promise<CopyPlan> {
  const stored = await from.getManifest(digest, options);
  const selection = await selectPlatforms(from, stored, repository.platforms, options);
  const attached = await attachments.find(selection.root, selection.get);
  return withAttachments(planCopy(from, selection), from, attached, options);
}
