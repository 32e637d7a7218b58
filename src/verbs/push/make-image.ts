import type { Digest } from '../../base/digest.ts';
import { makeConfig } from '../../image/config.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { makeManifest, type EncodedManifest } from '../../image/manifest.ts';
import { OCI_CONFIG } from '../../image/media-types.ts';
import type { LayerFacts } from '../../layers/layer-blob.ts';
import { RECIPE_ANNOTATION } from '../../layers/recipe.ts';
import { bytesSource } from '../../stores/bytes-source.ts';
import type { BlobSource } from '../../stores/image-store.ts';
import type { BaseImage } from './base-image.ts';
import { plannedBaseLayers } from './base-plan.ts';
import { plannedLayer, type LayerPlan } from './layer-plan.ts';
import type { PushedLayer } from '../push-result.ts';

/** What an image is made of: with what its layers come to, that makes its config and manifest. */
export interface ImageContent {
  readonly base: BaseImage | undefined;
  /** Those that we make; they come on top of the base's. */
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  /** All of the config, where it is written already. */
  readonly document?: Uint8Array;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

export interface MadeImage {
  readonly layers: readonly DescribedLayer[];
  readonly config: BlobSource;
  readonly manifest: EncodedManifest;
}

type DescribedLayer = PushedLayer & { descriptor: Descriptor };

/** What layers came to that were not known, by recipe. */
export type MadeLayers = ReadonlyMap<Digest, LayerFacts>;

/** undefined as long as it is not known what all layers come to. */
export function makeImage(content: ImageContent, made: MadeLayers): MadeImage | undefined {
  const facts = content.layers.flatMap(({ known, recipeDigest }) => known ?? made.get(recipeDigest) ?? []);
  if (facts.length < content.layers.length) return undefined;
  const ours = content.layers.map((layer, at) => describedLayer(layer, facts[at]!));
  const layers = [...describedBaseLayers(content.base), ...ours];
  const config = imageConfig(content, facts);
  const manifest = makeManifest({
    config: { mediaType: OCI_CONFIG, ...config.id! },
    layers: layers.map(({ descriptor }) => descriptor),
    ...(content.annotations !== undefined && { annotations: content.annotations }),
  });
  return { layers, config, manifest };
}

function describedLayer(layer: LayerPlan, { diffId, digest, size }: LayerFacts): DescribedLayer {
  const { origin, recipe, recipeDigest } = layer;
  const descriptor =
    origin?.kind === 'blob'
      ? { mediaType: origin.mediaType, digest, size }
      : {
          mediaType: recipe.codec.mediaType,
          digest,
          size,
          annotations: { [RECIPE_ANNOTATION]: recipeDigest },
        };
  return { ...plannedLayer(layer), diffId, descriptor };
}

function describedBaseLayers(base: BaseImage | undefined): DescribedLayer[] {
  if (base === undefined) return [];
  return plannedBaseLayers(base).map((planned, at) => {
    const { descriptor, diffId } = base.layers[at]!;
    return { ...planned, diffId, descriptor };
  });
}

function imageConfig(
  { base, layers, config, document, platform, created }: ImageContent,
  facts: readonly LayerFacts[],
): BlobSource {
  if (document !== undefined) return bytesSource('the config', document);
  const described = layers.map(({ history }, at) => ({ diffId: facts[at]!.diffId, history }));
  const below =
    base === undefined
      ? {}
      : { base: { diffIds: base.layers.map(({ diffId }) => diffId), history: base.history } };
  return bytesSource('the config', makeConfig({ platform, created, config, ...below, layers: described }));
}
