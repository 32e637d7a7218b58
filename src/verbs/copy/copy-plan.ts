import type { Descriptor } from '../../image/descriptor.ts';
import type { BlobSource, ImageStore, StoredManifest } from '../../stores/image-store.ts';
import type { Attachment } from './attachments.ts';
import { readContent } from './image-content.ts';
import type { PlannedBlob } from '../progress.ts';
import type { Selection } from './select-platforms.ts';
import { storedBlob } from './stored-blob.ts';

/** What a copy consists of. */
export interface CopyPlan {
  /** What will be at the destinations; undefined if that depends on layers that are still to be compressed. */
  readonly root: StoredManifest | undefined;
  /** What goes with it, where that was asked for. */
  readonly attachments?: readonly Attachment[];
  /** Called when a destination lacks something. */
  readonly parts: () => Promise<CopyParts>;
}

export interface CopyParts {
  /** In the order they are to be read. */
  readonly blobs: readonly BlobCopy[];
  /** Called when all blobs are copied. */
  readonly manifests: () => CopiedManifests;
}

export interface BlobCopy extends PlannedBlob {
  /** `onRead` gets bytes as they go by, before and after compression. */
  readonly open: (onRead: (read: number, written: number) => void) => BlobSource;
  /** Where the blob is as it stays: a registry can take it over from another of its repositories. */
  readonly from?: ImageStore;
}

export interface CopiedManifests {
  readonly root: StoredManifest;
  /** Below the root, deepest first. */
  readonly levels: readonly (readonly StoredManifest[])[];
  readonly attachments?: readonly CopiedAttachment[];
}

export interface CopiedAttachment {
  readonly manifest: StoredManifest;
  readonly levels: readonly (readonly StoredManifest[])[];
  readonly tags: readonly string[];
}

/** A copy that changes nothing. */
export function planCopy(from: ImageStore, { root, get }: Selection): CopyPlan {
  return {
    root,
    parts: async () => {
      const { blobs, levels } = await readContent(root, get, from.name);
      return {
        blobs: largestFirst(blobs.map(({ descriptor, what }) => unchangedBlob(from, descriptor, what))),
        manifests: () => ({ root, levels }),
      };
    },
  };
}

/** Whatever is left at the end is small. */
export function largestFirst(blobs: readonly BlobCopy[]): BlobCopy[] {
  return blobs.toSorted((a, b) => b.size - a.size);
}

export function unchangedBlob(from: ImageStore, { digest, size }: Descriptor, what: string): BlobCopy {
  return {
    what,
    digest,
    size,
    open: (onRead) => storedBlob(from, { digest, size }, { what, onBytes: (bytes) => onRead(bytes, bytes) }),
    from,
  };
}
