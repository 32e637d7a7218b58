import type { RegistryAccess } from '../registry-access.ts';
import type { MirrorListener } from './mirror-events.ts';
import type { Shard } from './shard.ts';
import type { TagFilters } from './tag-filter.ts';

/** A repository to mirror, and where to. */
export interface MirrorSpec {
  /** `HOST/REPO` or `oci:DIR`, without a tag. */
  from: string;
  /** Written the same way. Tags keep their names. */
  to: string;
  /** Default: all tags. */
  tags?: TagFilters;
  /** `OS/ARCH[/VARIANT]`. One: that image; several: a smaller index. Default: all that the source has. */
  platforms?: readonly string[];
}

export interface MirrorOptions {
  /** Nothing is written; the result says what would be. */
  dryRun?: boolean;
  /** Ask the destination about every image, even if the journal says that it is there. */
  recheck?: boolean;
  /** Remove tags at the destination that match the filters and that the source has no more. */
  prune?: boolean;
  /** The largest part of a repository's matching tags that may be removed, from 0 to 1. Beyond it none is. Default 0.1. */
  pruneLimit?: number;
  /** Only this part of the images. */
  shard?: Shard;
  /** Images copied at the same time from and to each registry. Default 4. */
  jobs?: number;
  registry?: RegistryAccess;
  onProgress?: MirrorListener;
  signal?: AbortSignal;
}
