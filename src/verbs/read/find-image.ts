import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import { nearestPlatforms } from '../../image/nearest-platform.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../../stores/image-store.ts';
import { getChild, imagesIn, parseStored } from './read-index.ts';

export interface FoundImage {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
}

/**
 * The one image of `root` that suits the platform best. An image that is in no index is taken for what it is: its config
 * says its platform. Throws ERR_NOT_FOUND, naming the platforms that there are, ERR_FORMAT, ERR_INTEGRITY.
 */
export async function findImage(
  store: ImageStore,
  root: StoredManifest,
  wanted: Platform,
  options: StoreOptions,
): Promise<FoundImage> {
  const parsed = parseStored(store, root);
  if (parsed.kind === 'image') return { digest: root.descriptor.digest, manifest: parsed };
  // What BuildKit keeps beside the images, attestations, is for no platform at all.
  const images = (await imagesIn(store, parsed, options)).filter(
    ({ platform }) => platform?.os !== 'unknown',
  );
  const [chosen] = nearestPlatforms(images, wanted);
  // An index of a single image need not repeat what its config says.
  const only = images.length === 1 && images[0]?.platform === undefined ? images[0] : undefined;
  const descriptor = chosen ?? only;
  if (descriptor === undefined) throw notFound(store, wanted, images);
  const manifest = parseStored(store, await getChild(store, descriptor, options));
  if (manifest.kind === 'image') return { digest: descriptor.digest, manifest };
  throw new NixpushError(
    'ERR_FORMAT',
    `${store.name}@${descriptor.digest} is an index, but was announced as an image`,
  );
}

function notFound(store: ImageStore, wanted: Platform, images: readonly Descriptor[]): NixpushError {
  const there = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  const hint = there.length === 0 ? 'It names no platforms.' : `It has ${[...new Set(there)].join(', ')}.`;
  return new NixpushError('ERR_NOT_FOUND', `${store.name} has no image for ${formatPlatform(wanted)}`, {
    hint,
  });
}
