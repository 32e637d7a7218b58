import { stat } from 'node:fs/promises';
import { ioError } from '../../base/errors.ts';
import type { ImageFile } from '../../definitions/image-input.ts';
import {
  pathsOfLayer,
  type Nix2containerImage,
  type Nix2containerLayer,
} from '../../definitions/nix2container-image.ts';
import { parseCreated } from '../../image/created.ts';
import { ociLayerType } from '../../image/layer-types.ts';
import { OCI_LAYER } from '../../image/media-types.ts';
import { parsePlatform } from '../../image/platform.ts';
import { ROOT_OWNER } from '../../layers/recipe.ts';
import type { TreeLocation } from '../../nix/closure.ts';
import { storePathBehind } from '../../nix/link-chain.ts';
import { parseStorePath } from '../../nix/store-path.ts';
import { locate } from '../../nix/tree-location.ts';
import { checkedFile } from './checked-file.ts';
import type { DescribedImage } from './described-image.ts';
import { planLayer, type LayerSettings, type LayerPlan } from './layer-plan.ts';
import { planReadyLayer } from './ready-layer.ts';

/**
 * The image of nix2container's JSON. Layers are made as nix2container makes them, and must come to what the JSON says.
 * Throws NixpushError.
 */
export async function openNix2containerImage(
  { name, file, image }: ImageFile & { image: Nix2containerImage },
  trees: TreeLocation,
): Promise<DescribedImage> {
  const { arch, created, layers } = image;
  const storePath = storePathBehind(file, trees);
  return {
    // As nix2container: the hash of the output where no tag was given. The JSON itself knows no names.
    names: { tag: storePath === undefined ? 'latest' : parseStorePath(storePath).hash },
    platform: parsePlatform(`linux/${arch}`),
    created: parseCreated(created ?? undefined),
    config: image['image-config'] ?? {},
    layers: (settings) =>
      Promise.all(
        layers.map((layer, at) => planOne(layer, { what: `layer ${at + 1} of ${name}`, trees, settings })),
      ),
    close: async () => undefined,
  };
}

interface Making {
  readonly what: string;
  readonly trees: TreeLocation;
  readonly settings: LayerSettings;
}

async function planOne(layer: Nix2containerLayer, { what, trees, settings }: Making): Promise<LayerPlan> {
  const { digest, diff_ids: diffId, size = 0, mediatype, 'layer-path': path } = layer;
  const paths = (layer.paths ?? []).map((each) => each.path);
  const described = { paths, reason: 'as nix2container has it', history: layer.History ?? {} };
  if (path === undefined) {
    const content = { kind: 'nix2container', trees, paths: pathsOfLayer(layer), diffId } as const;
    return planLayer(
      settings,
      { content, owner: ROOT_OWNER, format: 'n2c' },
      { ...described, narSize: size },
    );
  }
  const file = path.startsWith(`${trees.storeDir}/`) ? locate(trees, path) : path;
  const mediaType = ociLayerType(mediatype, what);
  const bytes = await sizeOf(file);
  if (mediaType === OCI_LAYER) {
    const content = { kind: 'tar', diffId, file } as const;
    return planLayer(settings, { content, owner: ROOT_OWNER }, { ...described, narSize: bytes });
  }
  const open = (): AsyncIterable<Uint8Array> => checkedFile(file, digest);
  return planReadyLayer(settings, { what, mediaType, digest, size: bytes, diffId, open }, described);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw ioError(error, 'cannot read', file);
  }
}
