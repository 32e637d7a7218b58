import { NixpushError } from '../base/errors.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import type { ImageConfig } from '../image/image-config.ts';
import type { ImageIndex, ImageManifest } from '../image/manifest.ts';
import { parseManifest } from '../image/parse-manifest.ts';
import { formatPlatform, matchesPlatform, parsePlatform } from '../image/platform.ts';
import { closureSizes, type PathSize } from '../nix/closure-size.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../stores/image-store.ts';
import { parseReference } from '../stores/reference.ts';
import { readImageClosure } from './read/image-closure.ts';
import { layerHistories, readConfig, storePathsIn, type StoredConfig } from './read/read-config.ts';
import { manifestName } from './manifest-name.ts';
import { lookAtImage } from './names-path.ts';
import { openImageStore } from './open-store.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface InspectOptions {
  registry?: RegistryAccess;
  /** `OS/ARCH[/VARIANT]`: which image of an index to look at. Without it an index is described itself. */
  platform?: string;
  /** Read all layers of an image, to say how large each store path in it is. */
  sizes?: boolean;
  signal?: AbortSignal;
}

export type InspectResult = InspectedImage | InspectedIndex;

export interface InspectedImage {
  kind: 'image';
  /** `HOST/REPO@sha256:…`. */
  reference: string;
  manifest: Descriptor;
  annotations: Readonly<Record<string, string>>;
  /** Its digest is what engines call the image ID. */
  config: Descriptor;
  /** What follows is absent where the config does not say it, and in artifacts that are no container image. */
  platform?: string;
  /** RFC 3339. */
  created?: string;
  author?: string;
  /** Docker's config keys, verbatim. */
  settings?: ImageConfig;
  /** Lowest first. */
  layers: readonly InspectedLayer[];
  /** With `sizes`. The smallest closure first. */
  sizes?: readonly InspectedPath[];
}

export interface InspectedPath extends PathSize {
  /** Number of the layer that holds it, from 1. */
  layer: number;
}

export interface InspectedLayer {
  descriptor: Descriptor;
  diffId?: string;
  createdBy?: string;
  comment?: string;
  /** Store paths named in the history, as nixpush and dockerTools write them. */
  paths: readonly string[];
}

export interface InspectedIndex {
  kind: 'index';
  /** `HOST/REPO@sha256:…`. */
  reference: string;
  manifest: Descriptor;
  annotations: Readonly<Record<string, string>>;
  manifests: readonly Descriptor[];
}

/** Reads an image's manifest and config, or an index; layers are read for `sizes` only. Throws NixpushError. */
export async function inspect(reference: string, options: InspectOptions = {}): Promise<InspectResult> {
  return lookAtImage(reference, () => inspectReference(reference, options));
}

async function inspectReference(reference: string, options: InspectOptions): Promise<InspectResult> {
  const { registry, platform, sizes, signal } = options;
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const parsed = parseReference(reference);
  const store = await openImageStore(parsed, registry === undefined ? {} : { registry });
  const reading = signal === undefined ? {} : { signal };
  try {
    return await inspectManifest(store, manifestName(parsed), wanted, { ...reading, sizes: sizes === true });
  } finally {
    await store.close();
  }
}

async function sizesOf(
  store: ImageStore,
  manifest: ImageManifest,
  options: StoreOptions,
): Promise<InspectedPath[]> {
  const paths = await readImageClosure(store, manifest, options);
  const layers = new Map(paths.map(({ path, layer }) => [path, layer + 1]));
  return closureSizes(paths).map((size) => ({ ...size, layer: layers.get(size.path)! }));
}

interface ManifestOptions extends StoreOptions {
  sizes?: boolean;
}

/** The same for a manifest in a store that is open already. `reference` is a tag or a digest. */
export async function inspectManifest(
  store: ImageStore,
  reference: string,
  wanted: Platform | undefined,
  options: ManifestOptions,
): Promise<InspectResult> {
  const stored = await store.getManifest(reference, options);
  const manifest = parseManifest(
    stored.bytes,
    stored.descriptor.mediaType,
    `the manifest ${reference} of ${store.name}`,
  );
  if (manifest.kind === 'image') return inspectImage(store, stored, manifest, options);
  if (wanted === undefined) return inspectIndex(store, stored, manifest);
  const chosen = choosePlatform(manifest, wanted, store.name);
  return inspectManifest(store, chosen.digest, undefined, options);
}

function inspectIndex(store: ImageStore, { descriptor }: StoredManifest, index: ImageIndex): InspectedIndex {
  return {
    kind: 'index',
    reference: `${store.name}@${descriptor.digest}`,
    manifest: descriptor,
    annotations: index.annotations ?? {},
    manifests: index.manifests,
  };
}

async function inspectImage(
  store: ImageStore,
  { descriptor }: StoredManifest,
  manifest: ImageManifest,
  { sizes, ...options }: ManifestOptions,
): Promise<InspectedImage> {
  const config = await readConfig(store, manifest.config, options);
  const histories = layerHistories(config, manifest.layers.length);
  return {
    kind: 'image',
    reference: `${store.name}@${descriptor.digest}`,
    manifest: descriptor,
    annotations: manifest.annotations ?? {},
    config: manifest.config,
    ...configFacts(config),
    layers: manifest.layers.map((layer, index): InspectedLayer => {
      const { comment, created_by: createdBy } = histories[index] ?? {};
      const diffId = config?.diffIds[index];
      return {
        descriptor: layer,
        ...(diffId !== undefined && { diffId }),
        ...(createdBy !== undefined && { createdBy }),
        ...(comment !== undefined && { comment }),
        paths: storePathsIn(comment),
      };
    }),
    ...(sizes === true && { sizes: await sizesOf(store, manifest, options) }),
  };
}

function configFacts(config: StoredConfig | undefined): Partial<InspectedImage> {
  if (config === undefined) return {};
  const { platform, created, author, settings } = config;
  return {
    ...(platform !== undefined && { platform: formatPlatform(platform) }),
    ...(created !== undefined && { created }),
    ...(author !== undefined && { author }),
    settings,
  };
}

function choosePlatform({ manifests }: ImageIndex, wanted: Platform, name: string): Descriptor {
  const chosen = manifests.find(({ platform }) => matchesPlatform(platform, wanted));
  if (chosen !== undefined) return chosen;
  const there = manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)],
  );
  throw new NixpushError('ERR_NOT_FOUND', `${name} has no image for ${formatPlatform(wanted)}`, {
    hint: there.length === 0 ? 'Its index names no platforms.' : `It has ${[...new Set(there)].join(', ')}.`,
  });
}
