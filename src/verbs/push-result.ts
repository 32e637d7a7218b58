import type { Digest } from '../base/digest.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { PlannedLayer } from './progress.ts';

/** Of one image. */
export interface ImageResult {
  /** The image manifest; undefined after a dry run. */
  manifest?: Descriptor;
  /** Digest of the config, which engines call the image ID; undefined after a dry run. */
  config?: Digest;
  platform: string;
  base?: PushedBase;
  /** Why the unchanged layers of an earlier image were not kept; undefined if they were or there was none. */
  plannedAnew?: string;
  layers: readonly PushedLayer[];
}

export interface PushResult extends ImageResult {
  destinations: readonly PushedDestination[];
}

export interface PushedBase {
  /** `HOST/REPO@sha256:…`: what was found under the name that was given, an image or an index. */
  reference: string;
  /** How many store paths of the closure it holds already. */
  storePaths: number;
}

export interface PushedLayer extends PlannedLayer {
  /** After a dry run, where the layer is remembered: destinations that do not have it yet. */
  missingAt?: readonly string[];
  /** undefined after a dry run. */
  diffId?: Digest;
  descriptor?: Descriptor;
}

export interface PushedDestination {
  /** As the user wrote it. */
  destination: string;
  /** `HOST/REPO@sha256:…` or `oci:DIR@sha256:…`; undefined after a dry run or if it failed. */
  reference?: string;
  /** Tags that were moved. */
  tags: readonly string[];
  sentBytes: number;
  error?: Error;
}
