import { FanOut, type Branch } from '../../stores/fan-out.ts';
import type { BlobId, BlobSource, ImageStore, PutBlobResult } from '../../stores/image-store.ts';
import type { BlobPlaces } from './blob-places.ts';
import type { Destination } from './destination.ts';
import type { Pace } from './pace.ts';
import type { ProgressListener } from '../progress.ts';

export interface Distribution {
  readonly source: BlobSource;
  /** Its number in the events that tell of it. */
  readonly index: number;
  readonly destinations: readonly Destination[];
  /** Where the very same blob is already: a destination in the same registry takes it from there. */
  readonly mountFrom?: ImageStore | undefined;
  /** It was looked for at all of them just now, in vain. */
  readonly isMissing?: boolean;
  /** Other images that are brought to the same registries may have the blob too. */
  readonly places?: BlobPlaces | undefined;
  /** Where given, the first destination that has the blob ends the wait; the others follow at their pace. */
  readonly pace?: Pace | undefined;
  /** With `pace`: wait for all of them all the same. */
  readonly waitsForAll?: boolean;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Brings one blob to all destinations, reading it once for all that keep up. A destination that lags or fails does not
 * hold up the others.
 */
export async function distribute({
  source,
  index,
  destinations,
  mountFrom,
  isMissing = false,
  places,
  pace,
  waitsForAll = pace === undefined,
  onProgress,
}: Distribution): Promise<void> {
  const { branches } = new FanOut(source, destinations.length);
  const bring = async (destination: Destination, branch: Branch): Promise<void> => {
    await destination.attempt(async (store, signal) => {
      const { id } = source;
      const mounted =
        mountFrom === undefined || id === undefined
          ? undefined
          : await mount(store, id, mountFrom, { signal, isMissing });
      let result = mounted;
      const tell = (): void =>
        onProgress?.({ type: 'layer-done', layer: index, destination: store.name, ...result! });
      const options = { signal, onStored: tell, isMissing };
      result ??= await (places?.put(store, branch, options) ?? store.putBlob(branch, options));
      destination.countSent(result.sentBytes);
      if (store.holdsOneImage !== true) tell();
    });
    branch.release();
  };
  const bringing = destinations.map(async (destination, at) => {
    const branch = branches[at]!;
    if (pace?.isFarBehind(destination) === true) branch.release();
    const work = (): Promise<void> => bring(destination, branch);
    await (pace?.inTurn(destination, work) ?? work());
    if (destination.error !== undefined) throw destination.error;
  });
  if (waitsForAll) await Promise.allSettled(bringing);
  // Those that failed have said so themselves.
  else await Promise.any(bringing).catch(() => undefined);
}

/** undefined if the bytes have to be sent. What is there already is not mounted: that would cost another request. */
async function mount(
  store: ImageStore,
  { digest, size }: BlobId,
  from: ImageStore,
  { signal, isMissing }: { signal: AbortSignal; isMissing: boolean },
): Promise<PutBlobResult | undefined> {
  if (!isSameRegistry(store, from)) return undefined;
  const id = { digest, size };
  if (!isMissing && (await store.hasBlob(id, { signal }))) return { ...id, outcome: 'exists', sentBytes: 0 };
  if (await store.mountBlob(id, from, { signal })) return { ...id, outcome: 'mounted', sentBytes: 0 };
  return undefined;
}

function isSameRegistry(one: ImageStore, other: ImageStore): boolean {
  return one.registry !== undefined && one.registry === other.registry;
}
