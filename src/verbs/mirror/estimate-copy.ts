import type { BlobCopy, CopyPlan } from '../copy/copy-plan.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredImage } from './mirror-result.ts';
import type { Survey } from './survey.ts';

/** To store a blob that the destination lacks; to read it takes one more. */
const REQUESTS_PER_UPLOAD = 3;

/**
 * What copying an image would move. Blobs that another repository of the registry has, or would have by then, do not count.
 * Manifests are read for it, nothing else.
 */
export async function estimateCopy(
  { from, to }: Survey,
  tag: string,
  plan: CopyPlan,
  { journal, counted, options }: MirrorContext,
): Promise<MirroredImage> {
  const { blobs, manifests } = await plan.parts();
  const { root, levels, attachments = [] } = manifests();
  const isMissing = await Promise.all(blobs.map(async (blob) => !(await to.hasBlob(blob, options))));
  const place = to.registry ?? to.name;
  const isNowhere = ({ digest }: BlobCopy, at: number): boolean =>
    isMissing[at]! && journal.blob(place, digest) === undefined;
  const missing = counted.add(blobs.filter(isNowhere), to);
  const count = [{ levels }, ...attachments].reduce((sum, each) => sum + 1 + each.levels.flat().length, 0);
  return {
    tag,
    outcome: 'planned',
    digest: root.descriptor.digest,
    bytes: missing.reduce((sum, { size }) => sum + size, 0),
    requests:
      // Every manifest is read, and what refers to it is listed; then it is put, and every blob is asked for.
      (from.registry === undefined ? 0 : 2 * count + missing.length) +
      (to.registry === undefined ? 0 : count + blobs.length + REQUESTS_PER_UPLOAD * missing.length),
  };
}
