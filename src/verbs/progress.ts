import type { Digest } from '../base/digest.ts';

/**
 * What a verb tells while it runs; the command line draws it. `destination` is a place without its tag, such as
 * `ghcr.io/x/demo` or `oci:DIR`: several tags of it are one destination.
 */
export type ProgressEvent =
  /** Once, before any byte moves. */
  | { type: 'plan'; layers: readonly PlannedLayer[]; destinations: readonly string[] }
  /** The same of a copy: its blobs take the place of layers in the events that follow. */
  | { type: 'copy-plan'; blobs: readonly PlannedBlob[]; destinations: readonly string[] }
  /** Before the plan: the directories of the base image are read out of its layers, `size` bytes, once for all pushes. */
  | { type: 'base-tree'; base: string; size: number }
  /** The layers of an image, `size` bytes, are read for the hash of an archive of it. */
  | { type: 'image-hash'; image: string; size: number }
  /** Work on a layer began. */
  | { type: 'layer-start'; layer: number }
  /** Bytes of a layer went by: `read` before compression, `written` after it (per generation, not per destination). */
  | { type: 'layer-bytes'; layer: number; read: number; written: number }
  /** The layer is at `destination` now. */
  | {
      type: 'layer-done';
      layer: number;
      destination: string;
      outcome: 'uploaded' | 'exists' | 'mounted';
      digest: Digest;
      size: number;
      sentBytes: number;
    }
  /** A destination has the whole image and its tags have moved. */
  | {
      type: 'destination-done';
      destination: string;
      reference: string;
      /** It had all of the image before: no layer was looked for. */
      unchanged?: true;
    }
  /** A destination is given up; the others go on. */
  | { type: 'destination-failed'; destination: string; error: Error }
  /**
   * A request waits before it is tried again, as others may at the same time. `destination` is the registry here; `longest`
   * is how long the request waits in all before it is given up, where that is known.
   */
  | { type: 'wait'; destination: string; reason: string; milliseconds: number; longest?: number }
  /** For whoever asks for more. */
  | { type: 'note'; message: string }
  | { type: 'warning'; message: string };

export interface PlannedLayer {
  /** Store paths in it; empty for the root layer and for most of a base image. */
  readonly paths: readonly string[];
  /** Sum of narSize, bytes; an estimate of the tar's size. Of a layer of the base image, what it takes to move it: its size. */
  readonly narSize: number;
  /** Digest of the recipe; of a layer of the base image, only that image knows it. */
  readonly recipe?: Digest;
  /** Why these paths share a layer: `kept from the earlier image`, `3 paths that change together (glibc-2.36)`. */
  readonly reason?: string;
  /** A layer of the base image: it is moved as it is. `paths` are those that its history names. */
  readonly base?: true;
  /** Digest and compressed size where the recipe is remembered, and of layers of the base image. */
  readonly known?: { readonly digest: Digest; readonly size: number };
}

/** A blob to be copied. */
export interface PlannedBlob {
  /** For people: `layer 3 of linux/arm64`. */
  readonly what: string;
  /** As it is where it comes from. */
  readonly digest: Digest;
  readonly size: number;
}

export type ProgressListener = (event: ProgressEvent) => void;
