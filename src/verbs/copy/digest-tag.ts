import { digestAlgorithm, digestHex, type Digest } from '../../base/digest.ts';

/**
 * Whether a tag says by its form what it is about: cosign's `sha256-<hex>.sig`, the list of referrers `sha256-<hex>`. It
 * goes along with its image, never alone.
 */
export function isDigestTag(tag: string): boolean {
  return /^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(\.[a-z]+)?$/.test(tag);
}

/** Those that cosign hung onto an image. */
export function tagsAbout(digest: Digest, tags: readonly string[]): string[] {
  const prefix = `${digestAlgorithm(digest)}-${digestHex(digest)}.`;
  return tags.filter((tag) => tag.startsWith(prefix));
}
