import { crc32 } from 'node:zlib';
import type { Digest } from '../base/digest.ts';
import type { Codec } from './codec.ts';
import type { RawBlock } from './engine/protocol.ts';

/**
 * A tar that exists, in the blocks that a layer made from a recipe has: the same tar is compressed to the same bytes,
 * wherever it comes from. `diffId` is its digest, which whoever reads `tar` checks.
 */
export async function* tarBlocks(
  tar: AsyncIterable<Uint8Array>,
  diffId: Digest,
  { blockSize, name }: Codec,
): AsyncGenerator<RawBlock, void, void> {
  let block = new Uint8Array(blockSize);
  let filled = 0;
  let size = 0;
  let checksum = 0;
  const count = (raw: Uint8Array): void => {
    size += raw.byteLength;
    if (name === 'gzip') checksum = crc32(raw, checksum);
  };
  for await (const piece of tar) {
    for (let at = 0; at < piece.byteLength;) {
      // A full block waits for the next byte: only then it is known not to be the last.
      if (filled === blockSize) {
        count(block);
        yield { raw: block };
        block = new Uint8Array(blockSize);
        filled = 0;
      }
      const part = piece.subarray(at, at + blockSize - filled);
      block.set(part, filled);
      filled += part.byteLength;
      at += part.byteLength;
    }
  }
  const raw = block.subarray(0, filled);
  count(raw);
  yield { raw, end: { diffId, size, crc32: checksum } };
}
