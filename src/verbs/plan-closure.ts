import { readFile } from 'node:fs/promises';
import { ioError } from '../base/errors.ts';
import type { ImageConfig } from '../image/image-config.ts';
import { BaseTreeCache } from '../layers/base-tree-cache.ts';
import { defaultCommand } from '../layers/default-command.ts';
import { parseLayerWeights, type LayerWeights } from '../layers/plan/weights.ts';
import { cacheDirectory } from '../layers/recipe-cache.ts';
import { openClosureSource } from '../nix/open-source.ts';
import { resolveRoots } from '../nix/roots.ts';
import { checkTrees } from '../nix/tree-location.ts';
import type { BaseImage } from './base-image.ts';
import { basePlan } from './base-plan.ts';
import { imageSettings } from './image-settings.ts';
import { planImage, type LayerPlan } from './plan-image.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push.ts';

async function readLayerWeights(file: string | undefined): Promise<LayerWeights | undefined> {
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
export interface PlannedImage {
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  /** How many of the closure are there already. */
  readonly storePathsInBase: number;
}

/** The image of store paths and everything they refer to. Reads no file's content. Throws NixpushError. */
export async function planClosure(
  options: PushOptions,
  settings: PushSettings,
  base: BaseImage | undefined,
): Promise<PlannedImage> {
  const { onProgress, signal, noLinks, noCache } = options;
  const warn = (message: string): void => onProgress?.({ type: 'warning', message });
  const source = openClosureSource(options);
  const roots = await resolveRoots(options.paths ?? [], { trees: source.trees, ...(signal && { signal }) });
  const closure = await source.closure(roots, signal);
  checkTrees(closure, source.trees);
  const links = noLinks !== true;
  const { trees } = source;
  const { maxLayers, codec, created, cache } = settings;
  const baseCache = noCache === true ? undefined : new BaseTreeCache(cacheDirectory());
  const layers = await planImage({
    closure,
    trees,
    maxLayers,
    strategy: options.layers ?? 'auto',
    weights: await readLayerWeights(options.layerWeights),
    codec,
    links,
    created,
    cache,
    warn,
    ...(base !== undefined && { base: basePlan(base, { cache: baseCache, onProgress, signal }) }),
  });
  const command = (): readonly string[] | undefined => defaultCommand(trees, closure.roots, links);
  const ours = layers.reduce((sum, { paths }) => sum + paths.length, 0);
  return {
    layers,
    config: imageSettings(settings.config, base?.settings, command, warn),
    storePathsInBase: closure.paths.length - ours,
  };
}
