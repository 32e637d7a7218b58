import { NixpushError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { HistoryEntry } from '../../image/history.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { DOCKER_CONFIG, OCI_CONFIG } from '../../image/media-types.ts';
import { isObject } from '../../image/parse-descriptor.ts';
import type { ImageStore } from '../../stores/image-store.ts';

/** Configs of real images are some kilobytes. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/** What an image config of any origin says; what has the wrong type is left out. */
export interface StoredConfig {
  /** All of it, as it is. */
  bytes: Uint8Array;
  platform: Platform | undefined;
  created: string | undefined;
  author: string | undefined;
  settings: ImageConfig;
  diffIds: readonly string[];
  history: readonly HistoryEntry[];
}

/** undefined if the descriptor is not of an image config, as in artifacts. Throws ERR_FORMAT and what the store throws. */
export async function readConfig(
  store: ImageStore,
  descriptor: Descriptor,
  options: { signal?: AbortSignal },
): Promise<StoredConfig | undefined> {
  if (descriptor.mediaType !== OCI_CONFIG && descriptor.mediaType !== DOCKER_CONFIG) return undefined;
  const what = `the config ${descriptor.digest} of ${store.name}`;
  if (descriptor.size > MAX_CONFIG_BYTES) {
    throw new NixpushError('ERR_FORMAT', `${what} is larger than ${MAX_CONFIG_BYTES} bytes`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.getBlob(descriptor, options)) chunks.push(chunk);
  return parseConfig(Buffer.concat(chunks), what);
}

function parseConfig(bytes: Buffer, what: string): StoredConfig {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${what} is not JSON`, { cause: error });
  }
  if (!isObject(json)) throw new NixpushError('ERR_FORMAT', `${what} is not a JSON object`);
  const { created, author, config, rootfs, history } = json;
  return {
    bytes,
    platform: platformIn(json),
    created: stringOr(created),
    author: stringOr(author),
    settings: isObject(config) ? config : {},
    diffIds: isObject(rootfs) ? listOf(rootfs['diff_ids'], (item) => typeof item === 'string') : [],
    history: listOf(history, isObject),
  };
}

function platformIn(config: Record<string, unknown>): Platform | undefined {
  const { os, architecture, variant, 'os.version': version, 'os.features': features } = config;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return {
    os,
    architecture,
    ...(isText(variant) && { variant }),
    ...(isText(version) && { 'os.version': version }),
    ...(Array.isArray(features) &&
      features.length > 0 &&
      features.every(isText) && { 'os.features': features }),
  };
}

/** The history entry of each layer; none if the config's history does not fit the layers. */
export function layerHistories(config: StoredConfig | undefined, layers: number): readonly HistoryEntry[] {
  const entries = config?.history.filter((entry) => entry.empty_layer !== true) ?? [];
  return entries.length === layers ? entries : [];
}

/** The store paths of a comment as dockerTools and nixpush write it: a list as Python prints it. */
export function storePathsIn(comment: unknown): string[] {
  if (typeof comment !== 'string' || !comment.startsWith('store paths: ')) return [];
  return [...comment.matchAll(/'(\/nix\/store\/[^'/]+)'/g)].map((match) => match[1] ?? '');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function stringOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function listOf<T>(value: unknown, fits: (item: unknown) => boolean): T[] {
  return Array.isArray(value) ? value.filter(fits) : [];
}
