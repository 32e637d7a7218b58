import type { Descriptor } from '../../image/descriptor.ts';
import { copyImage } from '../copy/copy-image.ts';
import type { CopyPlan } from '../copy/copy-plan.ts';
import { Destination, failOnAbort } from '../destination/destination.ts';
import type { ProgressEvent } from '../progress.ts';
import type { MirrorContext } from './mirror-context.ts';
import type { MirroredImage } from './mirror-result.ts';
import type { Survey } from './survey.ts';

/** Blobs of one image at the same time. */
const BLOBS = 4;

export interface PlannedImage {
  readonly tag: string;
  /** What the tag is at the source. */
  readonly head: Descriptor;
  readonly plan: CopyPlan;
}

/** Copies an image with what is attached to it; when its tag has moved, it goes into the journal. */
export async function copyPlanned(
  { repository, to, here }: Survey,
  { tag, head, plan }: PlannedImage,
  { places, journal, counted, tell, options }: MirrorContext,
): Promise<MirroredImage> {
  const image = `${repository.toName}:${tag}`;
  const destination = new Destination(to, [{ text: image, tag }], () => undefined);
  const before = here.has(tag) ? await to.headManifest(tag, options) : undefined;
  let isWhole = true;
  const onProgress = (event: ProgressEvent): void => {
    if (event.type === 'copy-plan') {
      isWhole = false;
      const bytes = counted.add(event.blobs, to).reduce((sum, { size }) => sum + size, 0);
      tell({ type: 'mirror-copy', image, bytes });
    }
    if (event.type === 'layer-bytes') tell({ type: 'mirror-bytes', image, bytes: event.read });
  };
  const stopListening = failOnAbort([destination], options.signal);
  try {
    const copied = await copyImage({ plan, destinations: [destination], jobs: BLOBS, places, onProgress });
    if (destination.error !== undefined) throw destination.error;
    const { digest } = copied!.descriptor;
    for (const { manifest, tags } of plan.attachments ?? [])
      for (const about of tags) await journal.addImage(repository.key(about), same(manifest.descriptor));
    await journal.addImage(repository.key(tag), { source: head.digest, destination: digest });
    const isUnchanged = isWhole && before?.digest === digest;
    const [result] = destination.results(digest);
    return { tag, outcome: isUnchanged ? 'unchanged' : 'copied', digest, bytes: result!.sentBytes };
  } finally {
    stopListening();
  }
}

function same({ digest }: Descriptor): { source: Descriptor['digest']; destination: Descriptor['digest'] } {
  return { source: digest, destination: digest };
}
