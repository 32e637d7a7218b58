import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ioError } from '../base/errors.ts';
import type { ImageConfig } from '../image/image-config.ts';
import { BaseTreeCache } from '../layers/base-tree-cache.ts';
import { defaultCommand } from '../layers/default-command.ts';
import { parseLayerWeights, type LayerWeights } from '../layers/plan/weights.ts';
import { cacheDirectory } from '../layers/recipe-cache.ts';
import { openClosureSource } from '../nix/open-source.ts';
import { resolveRoots } from '../nix/roots.ts';
import { checkTrees } from '../nix/tree-location.ts';
import { TreeListings } from '../nix/tree-listings.ts';
import type { BaseImage } from './base-image.ts';
import { basePlan } from './base-plan.ts';
import type { Earlier } from './earlier.ts';
import { imageSettings } from './image-settings.ts';
import { planImage, type ImagePlan } from './plan-image.ts';
import { readLayering } from './layering.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push.ts';

export async function readLayerWeights(file: string | undefined): Promise<LayerWeights | undefined> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, 'cannot read the weights', file);
  }
  return parseLayerWeights(text, file);
}

/** What a push is going to make. */
export interface PlannedImage extends ImagePlan {
  readonly config: ImageConfig;
  /** How many of the closure are there already. */
  readonly storePathsInBase: number;
}

/** The image of store paths and everything they refer to. Reads no file's content. Throws NixpushError. */
export async function planClosure(
  options: PushOptions,
  settings: PushSettings,
  base: BaseImage | undefined,
  earlier: Earlier,
): Promise<PlannedImage> {
  const { onProgress, signal, noLinks, noCache } = options;
  const warn = (message: string): void => onProgress?.({ type: 'warning', message });
  const directory = noCache === true ? undefined : cacheDirectory();
  const source = openClosureSource(options, directory);
  const roots = await resolveRoots(options.paths ?? [], { trees: source.trees, ...(signal && { signal }) });
  const closure = await source.closure(roots, signal);
  checkTrees(closure, source.trees);
  const links = noLinks !== true;
  const trees = new TreeListings(source.trees, closure.paths, directory && join(directory, 'listings'));
  const { maxLayers, codec, created, cache } = settings;
  const baseCache = directory === undefined ? undefined : new BaseTreeCache(directory);
  const plan = await planImage({
    closure,
    trees,
    maxLayers,
    strategy: await readLayering(options.layers),
    earlier: earlier.plan,
    reused: earlier.reused,
    weights: await readLayerWeights(options.layerWeights),
    codec,
    links,
    created,
    cache,
    warn,
    ...(base !== undefined && { base: basePlan(base, { cache: baseCache, onProgress, signal }) }),
  });
  const command = (): readonly string[] | undefined => defaultCommand(trees, closure.roots, links);
  const ours = plan.layers.reduce((sum, { paths }) => sum + paths.length, 0);
  return {
    ...plan,
    config: imageSettings(settings.config, base?.settings, command, warn),
    storePathsInBase: closure.paths.length - ours,
  };
}
