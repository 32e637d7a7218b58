import type { Descriptor } from '../image/descriptor.ts';
import { parsePlatform } from '../image/platform.ts';
import type { ImageStore, StoreOptions } from '../stores/image-store.ts';
import { parseReference } from '../stores/reference.ts';
import { manifestName } from './manifest-name.ts';
import { openImageStore } from './open-store.ts';
import type { RegistryAccess } from './registry-access.ts';
import { selectPlatforms } from './copy/select-platforms.ts';

export interface DigestOptions {
  registry?: RegistryAccess;
  /** `OS/ARCH[/VARIANT]`: the image for it in an index, in place of the index. */
  platform?: string;
  signal?: AbortSignal;
}

export interface DigestResult {
  /** `HOST/REPO@sha256:…`. */
  reference: string;
  manifest: Descriptor;
}

/** The digest of an image or index; without a platform that is one HEAD request. Throws NixpushError. */
export async function digest(reference: string, options: DigestOptions = {}): Promise<DigestResult> {
  const { registry, platform, signal } = options;
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const parsed = parseReference(reference);
  const reading = signal === undefined ? {} : { signal };
  const store = await openImageStore(parsed, { ...reading, ...(registry !== undefined && { registry }) });
  try {
    const name = manifestName(parsed);
    const manifest =
      wanted === undefined
        ? await find(store, name, reading)
        : (await selectPlatforms(store, await store.getManifest(name, reading), [wanted], reading)).root
            .descriptor;
    const { mediaType, digest, size } = manifest;
    return { reference: `${store.name}@${digest}`, manifest: { mediaType, digest, size } };
  } finally {
    await store.close();
  }
}

async function find(store: ImageStore, name: string, options: StoreOptions): Promise<Descriptor> {
  // GET says why there is nothing.
  return (await store.headManifest(name, options)) ?? (await store.getManifest(name, options)).descriptor;
}
