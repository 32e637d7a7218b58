import type { ProgressEvent } from '../progress.ts';
import type { MirroredImage } from './mirror-result.ts';

/** What a mirror tells while it runs. `image` is the name at the destination, `HOST/REPO:TAG`. */
export type MirrorEvent =
  /** The tags of one more repository are known: that many images to look at. */
  | { type: 'mirror-images'; images: number }
  /**
   * An image has to be copied: those of its blobs that no image before it has too have so many bytes, some of which may be
   * there already.
   */
  | { type: 'mirror-copy'; image: string; bytes: number }
  /** Bytes of an image that were read at the source. */
  | { type: 'mirror-bytes'; image: string; bytes: number }
  /** An image is settled. */
  | ({ type: 'mirror-image'; image: string } & Omit<MirroredImage, 'tag'>)
  /** A tag was removed. */
  | { type: 'mirror-pruned'; image: string }
  | Extract<ProgressEvent, { type: 'wait' | 'warning' }>;

export type MirrorListener = (event: MirrorEvent) => void;
