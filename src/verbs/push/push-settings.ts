import type { Platform } from '../../image/descriptor.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import type { Codec } from '../../layers/codec.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';

/** The options of a push, checked, with their defaults. */
export interface PushSettings {
  readonly codec: Codec;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ImageConfig;
  readonly maxLayers: number;
  readonly jobs: number;
  readonly cache: RecipeCache | undefined;
}
