import { join } from 'node:path';
import { inSlices, type Steps } from '../../base/steps.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { BaseTreeCache } from '../../layers/base-tree-cache.ts';
import { cacheDirectory } from '../../base/cache-directory.ts';
import type { Closure, ClosureSource } from '../../nix/closure.ts';
import { openClosureSource } from '../../nix/open-source.ts';
import type { LayerGroups } from '../../layers/plan/layers-by-hand.ts';
import { checkTrees } from '../../nix/tree-location.ts';
import { TreeListings } from '../../nix/tree-listings.ts';
import type { BaseImage } from './base-image.ts';
import { basePlan } from './base-plan.ts';
import type { Earlier } from './earlier.ts';
import { imageSettings } from './image-settings.ts';
import { readLayering, readLayerWeights } from './layering.ts';
import { planImage, type BasePlan, type ImagePlan, type PlanOptions } from './plan-image.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';

/** What a push is going to make. */
export interface PlannedImage extends ImagePlan {
  readonly config: ImageConfig;
  /** How many of the closure are there already. */
  readonly storePathsInBase: number;
}

/** What an image is made of: store paths, and what is to be changed in them or put beside them. */
type Made = Pick<PlanOptions, 'closure' | 'trees' | 'links' | 'root' | 'owner' | 'permissions' | 'base'>;

interface Run {
  readonly config: ImageConfig;
  /** What the image runs unless that is said. */
  readonly command: () => Steps<readonly string[] | undefined>;
}

/** What it takes to plan an image, whatever it is described by. */
export class Planning {
  readonly options: PushOptions;
  readonly settings: PushSettings;
  readonly source: ClosureSource;
  readonly #base: BaseImage | undefined;
  readonly #earlier: Earlier;
  readonly #cacheDirectory: string | undefined;

  constructor(options: PushOptions, settings: PushSettings, base: BaseImage | undefined, earlier: Earlier) {
    this.options = options;
    this.settings = settings;
    this.#base = base;
    this.#earlier = earlier;
    this.#cacheDirectory = options.noCache === true ? undefined : cacheDirectory();
    this.source = openClosureSource(options, this.#cacheDirectory);
  }

  warn(message: string): void {
    this.options.onProgress?.({ type: 'warning', message });
  }

  /** The files of a closure, which are seen to be there. Throws ERR_NOT_FOUND. */
  async listings(closure: Closure): Promise<TreeListings> {
    await inSlices(checkTrees(closure, this.source.trees));
    const kept = this.#cacheDirectory && join(this.#cacheDirectory, 'listings');
    return new TreeListings(this.source.trees, closure.paths, kept);
  }

  base(): BasePlan | undefined {
    if (this.#base === undefined) return undefined;
    const { onProgress, signal } = this.options;
    const cache = this.#cacheDirectory === undefined ? undefined : new BaseTreeCache(this.#cacheDirectory);
    return basePlan(this.#base, { cache, onProgress, signal });
  }

  /** Throws NixpushError. */
  async plan(made: Made, { config, command }: Run): Promise<PlannedImage> {
    const { maxLayers, codec, tarFormat, created, cache } = this.settings;
    const warn = (message: string): void => this.warn(message);
    const strategy = await readLayering(this.options.layers);
    if (typeof strategy === 'object' && 'groups' in strategy) await this.#warnOfIdle(strategy, made.closure);
    const plan = await planImage({
      ...made,
      maxLayers,
      strategy,
      earlier: this.#earlier.plan,
      reused: this.#earlier.reused,
      weights: await readLayerWeights(this.options.layerWeights),
      codec,
      format: tarFormat,
      created,
      cache,
      warn,
    });
    const ours = plan.layers.reduce((sum, { paths }) => sum + paths.length, 0);
    return {
      ...plan,
      config: await inSlices(imageSettings(config, this.#base?.settings, command, warn)),
      storePathsInBase: made.closure.paths.length - ours,
    };
  }

  async #warnOfIdle({ groups }: LayerGroups, { paths }: Closure): Promise<void> {
    const { idlePatterns } = await import('../../layers/plan/path-patterns.ts');
    const idle = idlePatterns(
      paths.map(({ path }) => path),
      groups.flat(),
    );
    const named = idle.map((pattern) => JSON.stringify(pattern)).join(', ');
    if (idle.length > 0) this.warn(`the groups of layers name ${named}: the closure has no such store path`);
  }
}
