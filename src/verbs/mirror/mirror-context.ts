import type { StoreOptions } from '../../stores/image-store.ts';
import type { BlobPlaces } from '../destination/blob-places.ts';
import type { CountedBlobs } from './counted-blobs.ts';
import type { HostLimits } from './host-limits.ts';
import type { Journal } from './journal.ts';
import type { MirrorListener } from './mirror-events.ts';
import type { PullBudget } from './pull-budget.ts';
import type { Stores } from './stores.ts';

/** What all images of a mirror share. */
export interface MirrorContext {
  readonly stores: Stores;
  readonly journal: Journal;
  readonly places: BlobPlaces;
  readonly budget: PullBudget;
  /** Looking at tags. */
  readonly checks: HostLimits;
  /** Copying images. */
  readonly copies: HostLimits;
  readonly dryRun: boolean;
  /** The journal does not count. */
  readonly recheck: boolean;
  /** What has to be moved, each blob once. */
  readonly counted: CountedBlobs;
  readonly options: StoreOptions;
  readonly tell: MirrorListener;
}
