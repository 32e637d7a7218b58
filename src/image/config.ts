import type { Digest } from '../base/digest.ts';
import type { Platform } from './descriptor.ts';
import type { HistoryEntry } from './history.ts';
import { orderedImageConfig, type ImageConfig } from './image-config.ts';

export interface ConfigInput {
  platform: Platform;
  /** RFC 3339. */
  created: string;
  config: ImageConfig;
  /** Lowest first. `history` entries with `empty_layer` belong to no layer and are not made here. */
  layers: readonly ConfigLayer[];
}

export interface ConfigLayer {
  /** Digest of the uncompressed tar. */
  diffId: Digest;
  history: HistoryEntry;
}

/**
 * An image config (image-spec, config.md) as bytes: equal input gives equal bytes, since keys stand in a fixed order
 * and no whitespace is written. The media type is OCI_CONFIG.
 */
export function makeConfig({ platform, created, config, layers }: ConfigInput): Uint8Array {
  const { os, architecture, variant } = platform;
  return Buffer.from(
    JSON.stringify({
      architecture,
      os,
      'os.version': platform['os.version'],
      'os.features': platform['os.features'],
      variant,
      created,
      config: orderedImageConfig(config),
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ history }) => ({
        created: history.created,
        author: history.author,
        created_by: history.created_by,
        comment: history.comment,
      })),
    }),
  );
}
