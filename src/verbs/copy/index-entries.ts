import type { Digest } from '../../base/digest.ts';
import { NixpushError, usageError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageIndex, ImageManifest } from '../../image/manifest.ts';
import { formatPlatform, variantOf } from '../../image/platform.ts';
import type { ImageStore, StoreOptions } from '../../stores/image-store.ts';
import { readConfig } from '../read/read-config.ts';
import { getChild, imagesIn, parseStored } from '../read/read-index.ts';

/** An image that is to stand in an index. */
export interface IndexEntry {
  /** As it will stand there, with its platform. */
  readonly descriptor: Descriptor;
  /** Where it is now. */
  readonly from: ImageStore;
  /** As the user named it, or the index that it comes from. */
  readonly source: string;
}

/**
 * The entry of an image, or those of an index, whose images are taken, nested ones too: a platform is what the index
 * says, else what the config says. `name` is a tag or digest. Throws ERR_NOT_FOUND, ERR_FORMAT, ERR_INTEGRITY.
 */
export async function readEntries(
  from: ImageStore,
  name: string,
  source: string,
  options: StoreOptions,
): Promise<IndexEntry[]> {
  const stored = await from.getManifest(name, options);
  const parsed = parseStored(from, stored);
  if (parsed.kind === 'image') {
    const { mediaType, digest, size } = stored.descriptor;
    const platform = await platformOf(from, { digest, image: parsed }, options);
    return [{ descriptor: { mediaType, digest, size, platform }, from, source }];
  }
  const entries: IndexEntry[] = [];
  for (const image of await imagesIn(from, parsed, options)) {
    const platform = image.platform ?? (await childPlatform(from, image, options));
    entries.push({ descriptor: { ...image, platform }, from, source });
  }
  return entries;
}

async function childPlatform(
  from: ImageStore,
  descriptor: Descriptor,
  options: StoreOptions,
): Promise<Platform> {
  const image = parseStored(from, await getChild(from, descriptor, options));
  return platformOf(from, { digest: descriptor.digest, image }, options);
}

async function platformOf(
  from: ImageStore,
  { digest, image }: { digest: Digest; image: ImageManifest | ImageIndex },
  options: StoreOptions,
): Promise<Platform> {
  const config = image.kind === 'image' ? await readConfig(from, image.config, options) : undefined;
  if (config?.platform !== undefined) return config.platform;
  throw new NixpushError('ERR_FORMAT', `${from.name}@${digest} does not say which platform it is for`, {
    hint: 'An index is made of container images; artifacts have no place in it.',
  });
}

/** Each image once. Throws ERR_USAGE for two of one platform, of which no engine could choose the right one. */
export function distinctEntries(entries: readonly IndexEntry[]): IndexEntry[] {
  const byDigest = new Map<string, IndexEntry>();
  const byPlatform = new Map<string, IndexEntry>();
  for (const entry of entries) {
    const { digest, platform } = entry.descriptor;
    if (byDigest.has(digest)) continue;
    byDigest.set(digest, entry);
    // BuildKit's attestations stand beside their images, all for the platform unknown/unknown.
    if (platform === undefined || platform.os === 'unknown') continue;
    const key = platformKey(platform);
    const other = byPlatform.get(key);
    if (other !== undefined)
      throw usageError(
        `two images are for ${formatPlatform(platform)}: ${nameOf(other)} and ${nameOf(entry)}`,
        'Leave one of them out.',
      );
    byPlatform.set(key, entry);
  }
  return [...byDigest.values()];
}

/** Equal for platforms between which no engine tells a difference. */
function platformKey(platform: Platform): string {
  const { os, architecture, 'os.version': version, 'os.features': features } = platform;
  return JSON.stringify([os, architecture, variantOf(platform), version, features?.toSorted()]);
}

function nameOf({ source, descriptor: { digest } }: IndexEntry): string {
  return source.endsWith(`@${digest}`) ? source : `${source} (${digest})`;
}
