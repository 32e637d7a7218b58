import type { ImageConfig } from '../../image/image-config.ts';
import type { LayersByHand } from '../../layers/plan/layers-by-hand.ts';
import type { ProgressListener } from '../progress.ts';
import type { RegistryAccess } from '../registry-access.ts';

export interface PushOptions {
  /** Store paths, symlinks into the store, or flake installables. Default: `./result`. */
  paths?: readonly string[];
  /** Destinations: `HOST/REPO[:TAG]`, `oci:DIR[:TAG]`, `docker-archive:FILE[:NAME]`. At least one unless `dryRun`. */
  to: readonly string[];
  /** Base image: `HOST/REPO[:TAG][@DIGEST]`, `oci:DIR[:TAG]` or `docker-archive:FILE`. */
  from?: string;
  /** A file of `nixpush lock` that has the base image's digest. */
  lock?: string;
  /** A relocated store: the directory that holds `nix/store`. */
  store?: string;
  /** A file with the closure, in place of asking `nix`: exportReferencesGraph JSON, or closureInfo's `registration` (or its directory). */
  closure?: string;
  /** `OS/ARCH[/VARIANT]`; default `linux/` and this machine's. */
  platform?: string;
  /** Total layers, those of the base image and the root layer counted. Default 100. */
  maxLayers?: number;
  /** How store paths are put into layers: `expected` (default), `auto`, `popularity`; by hand, or a JSON file of that. */
  layers?: string | LayersByHand;
  /** A JSON file that says how often packages change, for `expected`: `{"my-app": 50, "glibc": 0.1}`. */
  layerWeights?: string;
  /**
   * Earlier images, `REF` or `auto`, the image under each tag that is being pushed: layers that they say to have of
   * the same recipe are taken over, unread. It is trusted that whoever pushed them told the truth.
   */
  reuse?: readonly string[];
  /** `gzip|zstd|none[:LEVEL]`. Default `gzip`, and `none` if all destinations are archives. */
  compression?: string;
  /** `nixpkgs` (default) or `n2c`: as streamLayeredImage or as nix2container writes layers. */
  tarFormat?: string;
  /** Layers worked on at the same time. Default: from the number of cores. */
  jobs?: number;
  /** Leave out the root layer. */
  noLinks?: boolean;
  /** Link the store paths at `/run/profile` in place of `/`, their `/etc` also there, and set `PATH`. */
  profile?: boolean;
  /** Already merged: file first, flags over it. */
  config?: ImageConfig;
  /** Manifest annotations. */
  annotations?: Readonly<Record<string, string>>;
  /** ISO 8601 or `now`; default 1970-01-01T00:00:01Z. */
  created?: string;
  /** Plan only; nothing is generated or sent. */
  dryRun?: boolean;
  registry?: RegistryAccess;
  /** Do not use or keep what earlier pushes found out about layers. */
  noCache?: boolean;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface PushSystemsOptions extends Omit<PushOptions, 'paths' | 'platform'> {
  /** What each image is made of, in the order of the index. */
  systems: readonly SystemPaths[];
}

export interface SystemPaths {
  /** As Nix calls it: `aarch64-linux`. */
  readonly system: string;
  /** Store paths, symlinks into the store, or flake installables. */
  readonly paths: readonly string[];
}
