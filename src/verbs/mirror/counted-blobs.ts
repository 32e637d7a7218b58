import type { Digest } from '../../base/digest.ts';
import type { ImageStore } from '../../stores/image-store.ts';

/** Images share layers, and a registry gets each of them once: so it counts once, for the first of them. */
export class CountedBlobs {
  readonly #counted = new Set<string>();

  /** Those that no image before has counted. */
  add<Blob extends { readonly digest: Digest }>(blobs: readonly Blob[], to: ImageStore): Blob[] {
    return blobs.filter(({ digest }) => {
      const key = `${to.registry ?? to.name} ${digest}`;
      if (this.#counted.has(key)) return false;
      this.#counted.add(key);
      return true;
    });
  }
}
