import { constants, deflateRawSync } from 'node:zlib';
import { GZIP_MEMORY_LEVEL, type Codec } from '../codec.ts';
import { zstdCompressor } from './zstd-compressor.ts';

/** One block compressed by itself. `dictionary` is the end of the block before it. */
export type CompressBlock = (
  raw: Uint8Array,
  dictionary: Uint8Array,
  last: boolean,
) => Uint8Array<ArrayBuffer>;

/** The compressor of a codec; `none` needs none. Loads the WebAssembly encoder on first use. */
export async function blockCompressor({ name, level }: Codec): Promise<CompressBlock> {
  switch (name) {
    case 'gzip':
      return (raw, dictionary, last) => deflateBlock(raw, dictionary, last, level);
    case 'zstd':
      return zstdCompressor(level);
    case 'none':
      return (raw) => new Uint8Array(raw);
  }
}

/** What stands before the first block. RFC 1952: deflate, no name, no time, unknown system: nothing of this machine. */
export function codecHeader(codec: Codec): Uint8Array {
  return codec.name === 'gzip' ? Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255) : new Uint8Array(0);
}

/** What stands after the last block: gzip's checksum and length (modulo 2³²) of the whole input. */
export function codecTrailer(codec: Codec, crc32: number, size: number): Uint8Array {
  if (codec.name !== 'gzip') return new Uint8Array(0);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}

/** pigz's way: each block ends on a byte boundary (sync flush), only the last one ends the stream. */
function deflateBlock(
  raw: Uint8Array,
  dictionary: Uint8Array,
  last: boolean,
  level: number,
): Uint8Array<ArrayBuffer> {
  const finishFlush = last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  // One output buffer that fits even incompressible input: growing in steps costs a quarter of the time.
  const chunkSize = raw.byteLength + 1024;
  const options = { level, memLevel: GZIP_MEMORY_LEVEL, finishFlush, chunkSize };
  return deflateRawSync(raw, dictionary.byteLength === 0 ? options : { ...options, dictionary });
}
