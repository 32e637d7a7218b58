import { NixpushError } from '../../base/errors.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { AttachmentFinder } from '../copy/attachments.ts';
import { isDigestTag } from '../copy/digest-tag.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { RepositoryMirror } from './repository-mirror.ts';

/** A repository on both sides before anything is copied. */
export interface Survey {
  readonly repository: RepositoryMirror;
  readonly from: ImageStore;
  readonly to: ImageStore;
  readonly attachments: AttachmentFinder;
  /** All tags of the source. */
  readonly there: ReadonlySet<string>;
  /** Those of them that say by their form what they are about. */
  readonly digestTags: readonly string[];
  /** All tags of the destination. */
  readonly here: ReadonlySet<string>;
  /** Tags to mirror, those of other shards included. */
  readonly wanted: readonly string[];
}

/** Lists the tags on both sides: one request each for every thousand tags. Throws what listing the source throws. */
export async function survey(repository: RepositoryMirror, context: MirrorContext): Promise<Survey> {
  const { stores, checks, options, tell } = context;
  const [from, to] = [await stores.source(repository.from), await stores.destination(repository.to)];
  const [there, here] = await Promise.all([
    checks.run([from], () => from.listTags(options)),
    checks.run([to], () => to.listTags(options)).catch(noneIfAbsent),
  ]);
  const wanted = repository.selector.select(there);
  if (wanted.length === 0)
    tell({
      type: 'warning',
      message: `${repository.fromName}: none of ${there.length} tags fits the filters`,
    });
  return {
    repository,
    from,
    to,
    attachments: new AttachmentFinder(from, options),
    there: new Set(there),
    digestTags: there.filter(isDigestTag),
    here: new Set(here),
    wanted,
  };
}

/** A repository comes into being with its first image; some registries call what does not exist forbidden. */
const MAY_NOT_EXIST = ['ERR_NOT_FOUND', 'ERR_UNAUTHORIZED', 'ERR_DENIED'];

function noneIfAbsent(error: unknown): string[] {
  if (error instanceof NixpushError && MAY_NOT_EXIST.includes(error.code)) return [];
  throw error;
}
