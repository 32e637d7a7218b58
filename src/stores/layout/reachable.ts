import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { isForeignType } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import type { ReadManifest } from './layout-referrers.ts';

/**
 * The digests of manifests and of all that they are made of, and that a layout holds. Throws what reading them throws; with `lenient` a manifest
 * that cannot be read is made of nothing.
 */
export async function reachable(
  manifests: readonly Pick<Descriptor, 'digest'>[],
  read: ReadManifest,
  { lenient = false }: { lenient?: boolean } = {},
): Promise<Set<Digest>> {
  const found = new Set<Digest>();
  const waiting = manifests.map(({ digest }) => digest);
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (found.has(digest)) continue;
    found.add(digest);
    try {
      const parsed = parseManifest(await read(digest), undefined, digest);
      if (parsed.kind === 'index') waiting.push(...parsed.manifests.map((child) => child.digest));
      else
        for (const part of [parsed.config, ...parsed.layers])
          if (!isForeignType(part.mediaType)) found.add(part.digest);
    } catch (error) {
      if (!lenient || !(error instanceof NixpushError)) throw error;
    }
  }
  return found;
}
