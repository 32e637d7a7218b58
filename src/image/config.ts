import type { Digest } from '../base/digest.ts';
import type { Platform } from './descriptor.ts';
import type { HistoryEntry } from './history.ts';
import { orderedImageConfig, type ImageConfig } from './image-config.ts';

export interface ConfigInput {
  platform: Platform;
  /** RFC 3339. */
  created: string;
  config: ImageConfig;
  /** What the base image brings: its layers and history stand before ours, which may not be one for one. */
  base?: ConfigBase;
  /** Lowest first; each made by one step. */
  layers: readonly ConfigLayer[];
}

export interface ConfigBase {
  diffIds: readonly Digest[];
  /** Entries with `empty_layer` belong to no layer; the others do, in order. */
  history: readonly HistoryEntry[];
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
export function makeConfig({ platform, created, config, base, layers }: ConfigInput): Uint8Array {
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
      rootfs: {
        type: 'layers',
        diff_ids: [...(base?.diffIds ?? []), ...layers.map(({ diffId }) => diffId)],
      },
      history: [...(base?.history ?? []), ...layers.map(({ history }) => history)].map(orderedHistory),
    }),
  );
}

function orderedHistory({ created, author, created_by, comment, empty_layer }: HistoryEntry): HistoryEntry {
  return { created, author, created_by, comment, empty_layer } as HistoryEntry;
}
