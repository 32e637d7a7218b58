import { distribute } from '../destination/distribute.ts';
import type { Lacking } from '../destination/lacking.ts';
import type { BaseLayer, LayerNumbers } from './distinct-layers.ts';
import type { Pace } from '../destination/pace.ts';
import type { ProgressListener } from '../progress.ts';
import { storedBlob } from '../copy/stored-blob.ts';

export interface BaseLayerPush {
  readonly layer: BaseLayer;
  readonly indexes: LayerNumbers;
  readonly lacking: Lacking;
  readonly pace: Pace;
  readonly onProgress: ProgressListener | undefined;
}

/**
 * Brings a layer of the base image to destinations that lack it: mounted from the base's repository, or read from it
 * once for all the others, without being kept or unpacked.
 */
export async function pushBaseLayer(push: BaseLayerPush): Promise<void> {
  const { layer, indexes, lacking, pace, onProgress } = push;
  const [index] = indexes;
  onProgress?.({ type: 'layer-start', layer: index });
  const { store, descriptor } = layer;
  const { digest, size } = descriptor;
  const source = storedBlob(
    store,
    { digest, size },
    {
      what: `layer ${index + 1}`,
      onBytes: (bytes) => onProgress?.({ type: 'layer-bytes', layer: index, read: bytes, written: bytes }),
    },
  );
  await distribute({ source, indexes, lacking, mountFrom: store, isMissing: true, pace, onProgress });
}
