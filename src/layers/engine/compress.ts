import type { Codec } from '../codec.ts';
import { openEncoder } from './wasm-encoder.ts';
import { zstdCompressor } from './zstd-compressor.ts';

/** One block compressed by itself. What it gives is valid until the next call. */
export type CompressBlock = (raw: Uint8Array) => Uint8Array;

/** The compressor of a codec; `none` needs none. */
export function blockCompressor({ name, level, blockSize }: Codec): CompressBlock {
  switch (name) {
    case 'gzip':
      return openEncoder('deflate', level, blockSize);
    case 'zstd':
      return zstdCompressor(level, blockSize);
    case 'none':
      return (raw) => raw;
  }
}

/** What stands before the first block. RFC 1952: deflate, no name, no time, unknown system: nothing of this machine. */
export function codecHeader(codec: Codec): Uint8Array {
  return codec.name === 'gzip' ? Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255) : new Uint8Array(0);
}

/**
 * What stands after the last block: an empty last block that ends the deflate stream (RFC 1951, 3.2.6), as none of
 * those before does, then gzip's checksum and length (modulo 2³²) of the whole input.
 */
export function codecTrailer(codec: Codec, crc32: number, size: number): Uint8Array {
  if (codec.name !== 'gzip') return new Uint8Array(0);
  const trailer = Buffer.of(0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0);
  trailer.writeUInt32LE(crc32, 2);
  trailer.writeUInt32LE(size % 2 ** 32, 6);
  return trailer;
}
