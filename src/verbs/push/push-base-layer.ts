import type { ImageStore } from '../../stores/image-store.ts';
import { distribute } from '../destination/distribute.ts';
import type { Lacking } from '../destination/lacking.ts';
import type { StoredLayer } from './layered-image.ts';
import type { Pace } from '../destination/pace.ts';
import type { ProgressListener } from '../progress.ts';
import { storedBlob } from '../copy/stored-blob.ts';

export interface BaseLayerPush {
  readonly layer: StoredLayer;
  /** Its numbers in the image, from 0: the same layer may be in it more than once. */
  readonly indexes: readonly [number, ...number[]];
  readonly base: ImageStore;
  readonly lacking: Lacking;
  readonly pace: Pace;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Brings a layer of the base image to destinations that lack it: mounted from the base's repository, or read from it
 * once for all the others, without being kept or unpacked.
 */
export async function pushBaseLayer(push: BaseLayerPush): Promise<void> {
  const { layer, indexes, base, lacking, pace, onProgress } = push;
  const [index] = indexes;
  onProgress?.({ type: 'layer-start', layer: index });
  const { digest, size } = layer.descriptor;
  const source = storedBlob(
    base,
    { digest, size },
    {
      what: `layer ${index + 1}`,
      onBytes: (bytes) => onProgress?.({ type: 'layer-bytes', layer: index, read: bytes, written: bytes }),
    },
  );
  await distribute({ source, indexes, lacking, mountFrom: base, isMissing: true, pace, onProgress });
}
