import { isDigest } from '../../base/digest.ts';
import type { BaseTree } from '../../layers/base-tree.ts';
import type { BaseTreeCache } from '../../layers/base-tree-cache.ts';
import { RECIPE_ANNOTATION } from '../../layers/recipe.ts';
import type { BaseImage } from './base-image.ts';
import type { BasePlan } from './plan-image.ts';
import type { PlannedLayer, ProgressListener } from '../progress.ts';

export interface BasePlanOptions {
  readonly cache: BaseTreeCache | undefined;
  readonly onProgress: ProgressListener | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What a base image means for the layers that come on top of it. */
export function basePlan(base: BaseImage, options: BasePlanOptions): BasePlan {
  return {
    layers: base.layers.length,
    paths: new Set(base.layers.flatMap(({ paths }) => paths)),
    recipes: new Set(
      base.layers
        .map(({ descriptor }) => descriptor.annotations?.[RECIPE_ANNOTATION])
        .filter((recipe) => isDigest(recipe)),
    ),
    tree: () => baseTree(base, options),
  };
}

/** A layer of the base image as it is told to those who watch. */
export function plannedBaseLayers({ layers }: BaseImage): PlannedLayer[] {
  return layers.map(({ descriptor: { digest, size }, paths }) => ({
    base: true,
    paths,
    narSize: size,
    known: { digest, size },
  }));
}

async function baseTree(
  { store, manifest, layers }: BaseImage,
  { cache, onProgress, signal }: BasePlanOptions,
): Promise<BaseTree> {
  const remembered = cache?.get(manifest);
  if (remembered !== undefined) return remembered;
  const size = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  onProgress?.({ type: 'base-tree', base: store.name, size });
  const reading = signal === undefined ? {} : { signal };
  const { readBaseTree } = await import('../../layers/read-base-tree.ts');
  const tree = await readBaseTree(
    layers.map(({ descriptor, diffId }, at) => ({
      diffId,
      what: `layer ${at + 1} of the base image`,
      open: () => store.getBlob(descriptor, reading),
    })),
  );
  cache?.set(manifest, tree);
  return tree;
}
