import { isDigest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import type { StoredLayer } from '../../layers/read-layer.ts';
import { readStoredClosure, type StoredPath } from '../../layers/stored-closure.ts';
import type { ImageStore, StoreOptions } from '../../stores/image-store.ts';
import { layerHistories, readConfig, storePathsIn } from './read-config.ts';

/** The store paths in an image, for which all its layers are read. Throws ERR_FORMAT, ERR_INTEGRITY and what the store throws. */
export async function readImageClosure(
  store: ImageStore,
  { config, layers }: ImageManifest,
  options: StoreOptions,
): Promise<StoredPath[]> {
  const stored = await readConfig(store, config, options);
  const sources = layers.map((layer, at): StoredLayer => {
    const diffId = stored?.diffIds[at];
    const what = `layer ${at + 1} of ${store.name}`;
    if (!isDigest(diffId)) throw new NixpushError('ERR_FORMAT', `${what} has no diffID in the config`);
    return { diffId, what, open: () => store.getBlob(layer, options) };
  });
  const named = layerHistories(stored, layers.length).flatMap(({ comment }) => storePathsIn(comment));
  return readStoredClosure(sources, named);
}
