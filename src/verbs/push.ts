import type { Digest } from '../base/digest.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { PlannedLayer, ProgressListener } from './progress.ts';

/** The `config` attribute set of dockerTools: Docker's config keys, verbatim (`Cmd`, `Env`, `ExposedPorts`, …). */
export type ImageConfig = Record<string, unknown>;

export interface PushOptions {
  /** Store paths, symlinks into the store, or flake installables. Default: `./result`. */
  paths?: readonly string[];
  /** Destinations: `HOST/REPO[:TAG]`, `oci:DIR[:TAG]`. At least one unless `dryRun`. */
  to: readonly string[];
  /** A relocated store: the directory that holds `nix/store`. */
  store?: string;
  /** A file with the closure, in place of asking `nix`: exportReferencesGraph JSON, or closureInfo's `registration` (or its directory). */
  closure?: string;
  /** `OS/ARCH[/VARIANT]`; default `linux/` and this machine's. */
  platform?: string;
  /** Total layers, the root layer counted. Default 100. */
  maxLayers?: number;
  /** How store paths are put into layers. Default `auto`. */
  layers?: 'auto' | 'popularity';
  /** `gzip|zstd|none[:LEVEL]`. Default `gzip`. */
  compression?: string;
  /** Layers worked on at the same time. Default: from the number of cores. */
  jobs?: number;
  /** Leave out the root layer. */
  noLinks?: boolean;
  /** Already merged: file first, flags over it. */
  config?: ImageConfig;
  /** Manifest annotations. */
  annotations?: Readonly<Record<string, string>>;
  /** ISO 8601 or `now`; default 1970-01-01T00:00:01Z. */
  created?: string;
  /** Plan only; nothing is generated or sent. */
  dryRun?: boolean;
  /** Registries (host[:port]) that may be spoken to without TLS or with an unverified certificate. `true`: all. */
  insecure?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface PushResult {
  /** The image manifest; undefined after a dry run. */
  manifest?: Descriptor;
  /** Digest of the config, which engines call the image ID; undefined after a dry run. */
  config?: Digest;
  platform: string;
  layers: readonly PushedLayer[];
  destinations: readonly PushedDestination[];
}

export interface PushedLayer extends PlannedLayer {
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
