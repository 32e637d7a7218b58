import { digestAlgorithm, digestHex, type Digest } from '../base/digest.ts';
import type { Descriptor } from './descriptor.ts';
import type { ImageIndex, ImageManifest } from './manifest.ts';

/** The tag under which clients list the referrers of `subject` themselves (distribution-spec, referrers tag schema). */
export function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject).slice(0, 32)}-${digestHex(subject).slice(0, 64)}`;
}

/** A referrer as lists of referrers have it (distribution-spec, listing referrers). */
export function referrerEntry(
  { mediaType, digest, size }: Descriptor,
  manifest: ImageManifest | ImageIndex,
): Descriptor {
  const { annotations } = manifest;
  const artifactType =
    manifest.artifactType ?? (manifest.kind === 'image' ? manifest.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations: { ...annotations } }),
  };
}
