import type { CopyPlan } from '../copy-plan.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredImage } from './mirror-result.ts';
import type { Survey } from './survey.ts';

/** Requests for a blob that the destination lacks: one to read it, two or three to store it. */
const REQUESTS_PER_BLOB = 4;

/**
 * What copying an image would move. Blobs that another repository of the registry has, or would have by then, do not count.
 * Manifests are read for it, nothing else.
 */
export async function estimateCopy(
  { to }: Survey,
  tag: string,
  plan: CopyPlan,
  { journal, estimated, options }: MirrorContext,
): Promise<MirroredImage> {
  const { blobs, manifests } = await plan.parts();
  const { root, levels, attachments = [] } = manifests();
  const isMissing = await Promise.all(blobs.map(async (blob) => !(await to.hasBlob(blob, options))));
  const place = to.registry ?? to.name;
  const missing = blobs.filter(({ digest }, at) => {
    const isElsewhere = estimated.has(`${place} ${digest}`) || journal.blob(place, digest) !== undefined;
    if (!isMissing[at]! || isElsewhere) return false;
    estimated.add(`${place} ${digest}`);
    return true;
  });
  const count = [{ levels }, ...attachments].reduce((sum, each) => sum + 1 + each.levels.flat().length, 0);
  return {
    tag,
    outcome: 'planned',
    digest: root.descriptor.digest,
    bytes: missing.reduce((sum, { size }) => sum + size, 0),
    // Every manifest is read and put, every blob is asked for.
    requests: 2 * count + blobs.length + REQUESTS_PER_BLOB * missing.length,
  };
}
