import type { ImageStore } from '../../stores/image-store.ts';
import type { BlobCopy, CopyPlan } from '../copy-plan.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredImage } from './mirror-result.ts';
import type { Survey } from './survey.ts';

/** Requests for a blob that the destination lacks: one to read it, two or three to store it. */
const REQUESTS_PER_BLOB = 4;

/**
 * What copying an image would move. Blobs that other images of this run would have brought by then count once.
 * Manifests are read for it, nothing else.
 */
export async function estimateCopy(
  { repository, to }: Survey,
  tag: string,
  plan: CopyPlan,
  { estimated, options }: MirrorContext,
): Promise<MirroredImage> {
  const { blobs, manifests } = await plan.parts();
  const { root, levels, attachments = [] } = manifests();
  const isMissing = await Promise.all(blobs.map(async (blob) => !(await isAt(to, blob, options))));
  const place = to?.registry ?? repository.toName;
  const missing = blobs.filter(({ digest }, at) => {
    const isFirst = isMissing[at]! && !estimated.has(`${place} ${digest}`);
    if (isFirst) estimated.add(`${place} ${digest}`);
    return isFirst;
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

async function isAt(
  to: ImageStore | undefined,
  { digest, size }: BlobCopy,
  options: MirrorContext['options'],
): Promise<boolean> {
  return to !== undefined && (await to.hasBlob({ digest, size }, options));
}
