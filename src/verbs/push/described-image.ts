import { usageError } from '../../base/errors.ts';
import type { ImageInput } from '../../definitions/image-input.ts';
import type { Platform } from '../../image/descriptor.ts';
import { mergeImageConfig, type ImageConfig } from '../../image/image-config.ts';
import { formatPlatform, matchesPlatform } from '../../image/platform.ts';
import type { ClosureSource } from '../../nix/closure.ts';
import type { DefaultNames } from '../destination/destination.ts';
import { type LayerSettings, plannedLayer, type LayerPlan } from './layer-plan.ts';
import type { PushSettings } from './push-settings.ts';
import type { PlannedContent, PushPlan } from './carry-out.ts';
import type { PushOptions } from './push-options.ts';
import type { ReusedLayer } from './reuse.ts';
import type { Digest } from '../../base/digest.ts';

/** An image that another program has laid out; what it is made of is fixed. Open until it is closed. */
export interface DescribedImage {
  /** What it is called where a DEST does not say it. */
  readonly names: DefaultNames;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ImageConfig;
  /** The whole config as it is, which stays like that as long as nobody wants it otherwise. */
  readonly document?: Uint8Array;
  /** All layers, lowest first. `created` is for their history. */
  layers(settings: LayerSettings, created: string): Promise<LayerPlan[]>;
  close(): Promise<void>;
}

/** What another program has made. */
export type DescribedInput = Extract<
  ImageInput,
  { kind: 'stream-config' | 'nix2container' | 'docker-archive' }
>;

/** Throws NixpushError. */
export async function openDescribedImage(
  input: DescribedInput,
  source: ClosureSource,
  signal?: AbortSignal,
): Promise<DescribedImage> {
  switch (input.kind) {
    case 'stream-config': {
      const { openStreamedImage } = await import('./streamed-image.ts');
      return openStreamedImage(input, source, signal);
    }
    case 'nix2container': {
      const { openNix2containerImage } = await import('./nix2container-image.ts');
      return openNix2containerImage(input, source.trees);
    }
    case 'docker-archive': {
      const { openArchivedImage } = await import('./archived-image.ts');
      return openArchivedImage(input.file, signal);
    }
  }
}

/** Options that decide what an image is made of, which is decided here already. */
const WITHOUT_USE = {
  from: '--from',
  maxLayers: '--max-layers',
  layers: '--layers',
  layerWeights: '--layer-weights',
  tarFormat: '--tar-format',
  noLinks: '--no-links',
  profile: '--profile',
} as const;

/** Throws ERR_USAGE, naming the option. */
export function checkDescribedOptions(options: PushOptions, name: string): void {
  for (const [key, flag] of Object.entries(WITHOUT_USE)) {
    const value = options[key as keyof typeof WITHOUT_USE];
    if (value !== undefined && value !== false)
      throw usageError(
        `${flag} has no use with ${name}: it says itself what the image is made of`,
        'Change it where it is built, or push the store paths.',
      );
  }
}

/** What is pushed of the image: flags win over its config. Throws ERR_USAGE for another platform than the image's. */
export async function planDescribedImage(
  image: DescribedImage,
  options: PushOptions,
  settings: PushSettings,
  reused: ReadonlyMap<Digest, ReusedLayer>,
): Promise<PushPlan<PlannedContent>> {
  const { platform, config, document } = image;
  if (options.platform !== undefined && !matchesPlatform(platform, settings.platform))
    throw usageError(`the image is for ${formatPlatform(platform)}, not for ${options.platform}`);
  const given = {
    ...(options.created !== undefined && { created: settings.created }),
    ...(options.config !== undefined && { config: mergeImageConfig(config, settings.config) }),
  };
  const created = given.created ?? image.created;
  const layers = await image.layers({ ...settings, reused }, created);
  return {
    base: undefined,
    platform,
    created,
    annotations: options.annotations,
    image: {
      layers,
      config: given.config ?? config,
      ...(document !== undefined && { document: changedDocument(document, given) }),
      storePathsInBase: 0,
    },
    layers: layers.map(plannedLayer),
  };
}

function changedDocument(document: Uint8Array, given: object): Uint8Array {
  if (Object.keys(given).length === 0) return document;
  const json = JSON.parse(Buffer.from(document).toString('utf8')) as object;
  return Buffer.from(JSON.stringify({ ...json, ...given }));
}
