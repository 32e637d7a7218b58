import { DEFAULT_CREATED } from '../../image/created.ts';
import type { HistoryEntry } from '../../image/history.ts';
import { hostPlatform } from '../../image/platform.ts';
import { ONLY_IMAGE, type ArchiveStore } from '../../stores/archive/archive-store.ts';
import type { DescribedImage } from './described-image.ts';
import { namesOfImage } from '../destination/destination.ts';
import type { LayerSettings, LayerPlan } from './layer-plan.ts';
import { readLayeredImage, type LayeredImage } from './layered-image.ts';
import { openImageStore } from '../open-store.ts';
import { planReadyLayer } from './ready-layer.ts';

/** What buildImage and buildLayeredImage make, `docker save` too: the config keeps its bytes, and so the image its ID. */
export async function openArchivedImage(file: string, signal?: AbortSignal): Promise<DescribedImage> {
  const archive = await ImageInArchive.open(file, ONLY_IMAGE, signal);
  const { config } = archive.image;
  return {
    names: namesOfImage(archive.names[0]),
    platform: config.platform ?? hostPlatform(),
    created: config.created ?? DEFAULT_CREATED,
    config: config.settings,
    document: config.bytes,
    layers: (settings) => archive.layers(settings, () => ({})),
    close: () => archive.close(),
  };
}

/** One image of an archive, open until it is closed. */
export class ImageInArchive {
  readonly image: LayeredImage;
  readonly names: readonly string[];
  readonly #store: ArchiveStore;
  readonly #members: readonly string[];

  private constructor(store: ArchiveStore, reference: string, image: LayeredImage) {
    this.#store = store;
    this.#members = store.layerNames(reference);
    this.image = image;
    this.names = store.namesOf(reference);
  }

  /** `reference` as for ArchiveStore. Throws what opening and reading an archive throws. */
  static async open(file: string, reference: string, signal?: AbortSignal): Promise<ImageInArchive> {
    const reading = signal === undefined ? {} : { signal };
    const store = await openImageStore({ transport: 'docker-archive', file }, reading);
    try {
      const root = await store.getManifest(reference, reading);
      const what = { what: 'the image', platform: hostPlatform() };
      const image = await readLayeredImage(store, root, { ...what, ...reading });
      return new ImageInArchive(store as ArchiveStore, reference, image);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** `historyOf` is told the member of the archive that the layer is. */
  async layers(settings: LayerSettings, historyOf: (member: string) => HistoryEntry): Promise<LayerPlan[]> {
    const plans: LayerPlan[] = [];
    for (const [at, { descriptor, diffId, paths }] of this.image.layers.entries()) {
      const { mediaType, digest, size } = descriptor;
      const open = (): AsyncIterable<Uint8Array> => this.#store.getBlob({ digest, size });
      const layer = { what: `layer ${at + 1} of ${this.#store.name}`, mediaType, digest, size, diffId, open };
      const history = historyOf(this.#members[at]!);
      plans.push(await planReadyLayer(settings, layer, { paths, reason: 'ready-made', history }));
    }
    return plans;
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
