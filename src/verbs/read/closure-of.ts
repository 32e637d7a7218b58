import { hostPlatform, parsePlatform } from '../../image/platform.ts';
import { parseReference } from '../../stores/reference.ts';
import { findImage } from './find-image.ts';
import { readImageClosure } from './image-closure.ts';
import { manifestName } from '../manifest-name.ts';
import { lookAtImage } from '../names-path.ts';
import { namedContent, onlyThese, type NamedContentOptions, type ReadClosure } from './named-content.ts';
import { openImageStore } from '../open-store.ts';
import type { RegistryAccess } from '../registry-access.ts';

export interface ClosureOfOptions extends NamedContentOptions {
  registry?: RegistryAccess;
  /** `OS/ARCH[/VARIANT]`: which image of an index. Default: `linux/` and this machine's. */
  platform?: string;
}

/**
 * The closure that `text` names: of a PATH as push takes it, or that in an image, for which all its layers are read;
 * the roots of an image are the store paths in it that no other refers to. Throws NixpushError.
 */
export async function closureOf(text: string, options: ClosureOfOptions): Promise<ReadClosure> {
  const named = await namedContent(text, options);
  if (named.kind === 'closure') return named;
  return lookAtImage(text, () => closureOfImage(named.reference, options));
}

async function closureOfImage(text: string, options: ClosureOfOptions): Promise<ReadClosure> {
  const { registry, platform, signal } = options;
  const reference = parseReference(text);
  const store = await openImageStore(reference, { ...(registry && { registry }), signal });
  const reading = signal === undefined ? {} : { signal };
  try {
    const root = await store.getManifest(manifestName(reference), reading);
    const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
    const { manifest } = await findImage(store, root, wanted, reading);
    return onlyThese(await readImageClosure(store, manifest, reading));
  } finally {
    await store.close();
  }
}
