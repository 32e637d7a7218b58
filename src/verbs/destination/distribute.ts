import { FanOut, type Branch } from '../../stores/fan-out.ts';
import type { BlobId, BlobSource, ImageStore, PutBlobResult } from '../../stores/image-store.ts';
import type { BlobPlaces } from './blob-places.ts';
import type { Destination } from './destination.ts';
import { someOf, type Lacking } from './lacking.ts';
import type { Pace } from './pace.ts';
import type { ProgressListener } from '../progress.ts';

export interface Distribution {
  readonly source: BlobSource;
  /** The same bytes, for who lags behind: where `source` holds them, they need not be held for long. */
  readonly again?: BlobSource;
  /** Its numbers in the events that tell of it: an image may hold the same blob several times. */
  readonly indexes: readonly number[];
  readonly lacking: Lacking;
  /** Where the very same blob is already: a destination in the same registry takes it from there. */
  readonly mountFrom?: ImageStore | undefined;
  /** It was looked for at those that lack it just now. */
  readonly isMissing?: boolean;
  /** Other images that are brought to the same registries may have the blob too. */
  readonly places?: BlobPlaces | undefined;
  /** The first destination that gets the blob ends the wait; the others follow at their pace. */
  readonly pace: Pace;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Brings one blob to all destinations, reading it once for all that keep up. A destination that lags or fails does not
 * hold up the others.
 */
export async function distribute({
  source,
  again,
  indexes,
  lacking,
  mountFrom,
  isMissing = false,
  places,
  pace,
  onProgress,
}: Distribution): Promise<void> {
  const { branches } = new FanOut(source, lacking.size, again);
  const bring = async (destination: Destination, branch: Branch): Promise<void> => {
    await destination.attempt(async (store, signal) => {
      const { id } = branch;
      const mounted =
        mountFrom === undefined || id === undefined
          ? undefined
          : await mount(store, id, mountFrom, { signal, isMissing });
      let result = mounted;
      const tell = (): void => {
        let told = result!;
        for (const layer of indexes) {
          onProgress?.({ type: 'layer-done', layer, destination: store.name, ...told });
          told = { ...told, outcome: 'exists', sentBytes: 0 };
        }
      };
      const options = { signal, onStored: tell, isMissing };
      result ??= await (places?.put(store, branch, options) ?? store.putBlob(branch, options));
      destination.countSent(result.sentBytes);
      if (store.holdsOneImage !== true) tell();
    });
  };
  const bringing = [...lacking].map(async ([destination, lacks], at) => {
    const branch = branches[at]!;
    if (pace.isFarBehind(destination)) branch.release();
    const work = async (): Promise<void> => {
      if (await lacks) await bring(destination, branch);
      branch.release();
    };
    await pace.inTurn(destination, work);
    // Those that failed have said so themselves.
    return (await lacks) && destination.error === undefined;
  });
  await someOf(bringing);
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
