import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Codec } from '../codec.ts';
import type { LayerRecipe } from '../recipe.ts';
import type { RawBlock } from './protocol.ts';
import { openLayerBytes, type LayerBytes } from './layer-bytes.ts';

/** A layer's tar in blocks, hashed as it goes by: one pass gives bytes, diffID and checksum. */
export class LayerReader {
  readonly #codec: Codec;
  readonly #allocate: (size: number) => Uint8Array;
  readonly #tar: LayerBytes;
  readonly #hash: Hash = createHash('sha256');
  #crc32 = 0;
  #size = 0;
  #dictionary: Uint8Array = new Uint8Array(0);

  /** `allocate` gives a buffer of that many bytes, whatever is in it. */
  constructor({ content, owner, codec }: LayerRecipe, allocate: (size: number) => Uint8Array) {
    this.#codec = codec;
    this.#allocate = allocate;
    this.#tar = openLayerBytes(content, owner);
  }

  /** The next block; the last one carries the facts about the whole. A tar is never empty, so there is a last one. */
  next(): RawBlock {
    const { blockSize, dictionarySize, name } = this.#codec;
    const block = this.#allocate(blockSize);
    const raw = block.subarray(0, this.#tar.read(block));
    const dictionary = this.#dictionary;
    this.#size += raw.byteLength;
    this.#hash.update(raw);
    if (name === 'gzip') this.#crc32 = crc32(raw, this.#crc32);
    if (dictionarySize > 0) this.#dictionary = raw.slice(-dictionarySize);
    if (!this.#tar.ended) return { raw, dictionary };
    const diffId = `sha256:${this.#hash.digest('hex')}` as const;
    return { raw, dictionary, end: { diffId, size: this.#size, crc32: this.#crc32 } };
  }

  close(): void {
    this.#tar.close();
  }
}
