import type { Checkpoint } from '../base/checkpoint.ts';
import type { Digest } from '../base/digest.ts';
import type { Descriptor } from '../image/descriptor.ts';

/**
 * A place that holds blobs and manifests: a registry's repository, an image layout, an archive.
 * Everything an ImageStore returns has been checked against its digest.
 */
export interface ImageStore {
  /** As the user names it, without secrets: `ghcr.io/x/demo`, `oci:dir`. */
  readonly name: string;
  /** The registry that the repository belongs to, as `host[:port]`: between two of one registry blobs can be mounted. */
  readonly registry?: string;
  /** True where a manifest cannot be without its blobs: then whoever finds the manifest need not look for them. */
  readonly keepsImagesWhole?: boolean;
  /** True where there is room for one image and none for an index; it is written when its manifest is put. */
  readonly holdsOneImage?: boolean;
  /** True only if the blob is certainly there; unsure is false. */
  hasBlob(blob: BlobId, options?: StoreOptions): Promise<boolean>;
  /** The blob's bytes; the iteration fails with ERR_INTEGRITY at its end if digest or size differ. */
  getBlob(blob: BlobId, options?: StoreOptions): AsyncIterable<Uint8Array>;
  /** Stores the blob unless it is there already. Nothing of it is visible under its digest before all of it is. */
  putBlob(source: BlobSource, options?: PutBlobOptions): Promise<PutBlobResult>;
  /** Makes a blob of another repository of the same place appear here without moving bytes; false if that cannot be. */
  mountBlob(blob: BlobId, from: ImageStore, options?: StoreOptions): Promise<boolean>;
  /** Throws ERR_NOT_FOUND. `reference` is a tag or a digest. */
  getManifest(reference: string, options?: StoreOptions): Promise<StoredManifest>;
  /** What a tag or digest points at without fetching it; undefined if it does not exist. */
  headManifest(reference: string, options?: StoreOptions): Promise<Descriptor | undefined>;
  /** Stores the bytes under their digest first, then moves each tag, in order. */
  putManifest(manifest: StoredManifest, tags: readonly string[], options?: PutManifestOptions): Promise<void>;
  listTags(options?: StoreOptions): Promise<string[]>;
  /**
   * What the place lists as referring to `subject`, a manifest that need not be there; absent where nothing can.
   * Only the manifest itself proves that it refers to it.
   */
  listReferrers?(subject: Digest, options?: StoreOptions): Promise<Descriptor[]>;
  /**
   * Takes away a tag, or with a digest the manifest and all its tags; absent where nothing can be taken away.
   * Throws ERR_NOT_FOUND, ERR_REGISTRY where a registry does not delete.
   */
  deleteManifest?(reference: string, options?: StoreOptions): Promise<void>;
  /** How many blobs it takes at the same time, where that is limited. */
  parallelBlobs?(options?: StoreOptions): Promise<number>;
  /** Frees connections and locks. */
  close(): Promise<void>;
}

export interface BlobId {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface StoreOptions {
  signal?: AbortSignal;
  /** Bytes that reached the place, counted up; may step back when a part is sent again. */
  onBytes?: (delta: number) => void;
}

export interface PutBlobOptions extends StoreOptions {
  /** Where `holdsOneImage`: called when the blob was written, which is when the manifest comes. */
  onStored?: () => void;
  /** It was looked for just now: it need not be looked for again. */
  isMissing?: boolean;
}

export interface PutManifestOptions extends StoreOptions {
  /** It was found under its digest just now: only the tags are to be moved. */
  isStored?: boolean;
  /** An index that refers to it follows: it needs no entry of its own. */
  partOfIndex?: boolean;
}

/** Bytes that can be made again from any offset, as often as needed: so nothing has to be kept for a retry. */
export interface BlobSource {
  /** Known before the first byte (small or remembered blobs), or after a whole pass of `open(0)`; until then undefined. */
  readonly id: BlobId | undefined;
  /** For messages: "layer 3", "config". */
  readonly what: string;
  /** Stands for the bytes where their digest is not known yet, for a later process too: equal keys, equal bytes. */
  readonly key?: string | undefined;
  /** How far passes have come. A later process gives it to `open`, to know that it goes on with the same bytes. */
  readonly checkpoint?: Checkpoint | undefined;
  /**
   * Every call gives the same bytes, from `offset` on. A piece is valid until the next one is asked for: whoever keeps it
   * longer copies it. Throws ERR_INTEGRITY if they are not those of `earlier`.
   */
  open(offset: number, signal?: AbortSignal, earlier?: Checkpoint): AsyncIterable<Uint8Array>;
}

export interface PutBlobResult extends BlobId {
  readonly outcome: 'uploaded' | 'exists' | 'mounted';
  /** Bytes put on the wire or the disk for it, repeats included. */
  readonly sentBytes: number;
}

/** `bytes` are exactly what `descriptor.digest` is the digest of. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}
