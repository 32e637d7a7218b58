import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Codec } from '../codec.ts';
import type { LayerRecipe } from '../recipe.ts';
import type { RawBlock } from './protocol.ts';
import { openLayerBytes, type LayerBytes } from './layer-bytes.ts';

/** A layer's tar in blocks, hashed as it goes by: one pass gives bytes, diffID and checksum. */
export class LayerReader {
  readonly #codec: Codec['name'];
  readonly #tar: LayerBytes;
  readonly #hash: Hash = createHash('sha256');
  #crc32 = 0;
  #size = 0;

  constructor(recipe: LayerRecipe) {
    this.#codec = recipe.codec.name;
    this.#tar = openLayerBytes(recipe);
  }

  /**
   * The next block, in `block`, which has the codec's block size. The last one carries the facts about the whole; a
   * tar is never empty, so there is a last one.
   */
  next(block: Uint8Array): RawBlock {
    const raw = block.subarray(0, this.#tar.read(block));
    this.#size += raw.byteLength;
    this.#hash.update(raw);
    if (this.#codec === 'gzip') this.#crc32 = crc32(raw, this.#crc32);
    if (!this.#tar.ended) return { raw };
    const diffId = `sha256:${this.#hash.digest('hex')}` as const;
    return { raw, end: { diffId, size: this.#size, crc32: this.#crc32 } };
  }

  close(): void {
    this.#tar.close();
  }
}
