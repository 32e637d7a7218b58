import type { Digest } from '../../base/digest.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { lackAny, type Lacking } from '../destination/lacking.ts';
import type { LayerPlan } from './layer-plan.ts';
import type { StoredLayer } from './layered-image.ts';
import type { ImageContent } from './make-image.ts';

export interface LackedImage extends ImageContent {
  /** Who lacks the image. */
  readonly lacking: Lacking;
}

/** A layer of a base image, and where that image lies. */
export interface BaseLayer extends StoredLayer {
  readonly store: ImageStore;
}

/** The layer's numbers, from 0, where the layers of all images are counted through: it may be there more than once. */
export type LayerNumbers = readonly [number, ...number[]];

export interface Distinct<Layer> {
  readonly layer: Layer;
  readonly indexes: LayerNumbers;
  /** Who lacks an image that it is a part of. */
  readonly lacking: Lacking;
}

export interface DistinctLayers {
  /** Of base images. */
  readonly base: readonly Distinct<BaseLayer>[];
  /** Those that we make. */
  readonly own: readonly Distinct<LayerPlan>[];
}

/** What is to be brought: a layer that is in several images, or several times in one, is brought once. */
export function distinctLayers(images: readonly LackedImage[]): DistinctLayers {
  const base = new Places<BaseLayer>();
  const own = new Places<LayerPlan>();
  let index = 0;
  for (const image of images) {
    for (const layer of image.base?.layers ?? [])
      base.add(layer.descriptor.digest, { ...layer, store: image.base!.store }, index++, image.lacking);
    // What another program has packed may be packed otherwise elsewhere: only the blob says what it is.
    for (const layer of image.layers)
      own.add(layer.known?.digest ?? layer.recipeDigest, layer, index++, image.lacking);
  }
  return { base: base.distinct(), own: own.distinct() };
}

class Places<Layer> {
  readonly #places = new Map<Digest, { layer: Layer; indexes: [number, ...number[]]; lacking: Lacking[] }>();

  add(key: Digest, layer: Layer, index: number, lacking: Lacking): void {
    const place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, { layer, indexes: [index], lacking: [lacking] });
    else {
      place.indexes.push(index);
      place.lacking.push(lacking);
    }
  }

  distinct(): Distinct<Layer>[] {
    return [...this.#places.values()].map(({ lacking, ...rest }) => ({ ...rest, lacking: lackAny(lacking) }));
  }
}
