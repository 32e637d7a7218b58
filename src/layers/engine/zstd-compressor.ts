import { versions } from 'node:process';
import * as zlib from 'node:zlib';
import { ZSTD_RELEASE } from '../codec.ts';
import type { CompressBlock } from './compress.ts';
import { openEncoder } from './wasm-encoder.ts';

/**
 * A zstd frame of each block, with the bytes of the encoder in encoders/ on every machine. Where Node brings the same
 * release of zstd that is taken instead, as it is a quarter faster. That its bytes are the same is not only believed of its
 * version (others may have built it, for another processor): it must give them for a sample.
 */
export function zstdCompressor(level: number, blockSize: number): CompressBlock {
  const native = nativeCompressor(level);
  const agrees = native !== undefined && sampleChecksum(native) === SAMPLE_CHECKSUMS[level - 1];
  return agrees ? native : openEncoder('zstd', level, blockSize);
}

/** CRC-32 of the sample's frame, as the encoder in encoders/ makes it, at levels 1 to 19. A test compares them with it. */
export const SAMPLE_CHECKSUMS: readonly string[] =
  '1fef8ec7 060ba8a9 809cbbfd d4357d67 f05c439b 8409c2bd 9951bf47 56e4c1a2 d01ce4be 97f95934 49f4ba13 5b11c80e aad005d8 a144b1f9 a144b1f9 764e0e39 764e0e39 057ce736 057ce736'.split(
    ' ',
  );

export function sampleChecksum(compress: CompressBlock): string {
  // Several of the blocks of which zstd makes a frame.
  const numbers = Array.from({ length: 30_000 }, (_, n) => (n * n).toString(36));
  const checksum = zlib.crc32(compress(Buffer.from(numbers.join(' '))));
  return checksum.toString(16).padStart(8, '0');
}

interface ZstdOptions {
  readonly params: Readonly<Record<number, number>>;
  readonly chunkSize: number;
}

/** Node's own, from 22.15 on; the types of Node 20 do not know it. */
export function nativeCompressor(level: number): CompressBlock | undefined {
  const { zstdCompressSync } = zlib as {
    zstdCompressSync?: (raw: Uint8Array, options: ZstdOptions) => Uint8Array;
  };
  if (zstdCompressSync === undefined || versions['zstd'] !== ZSTD_RELEASE) return undefined;
  const params = { [ZSTD_C_COMPRESSION_LEVEL]: level };
  return (raw) => {
    // Left to V8: it collects before the next so large an allocation, and so frees the encoder too, which Node frees no
    // sooner.
    const chunkSize = Math.max(raw.byteLength + (raw.byteLength >> 8) + 1024, ALWAYS_MAPPED);
    return zstdCompressSync(raw, { params, chunkSize });
  };
}

/**
 * Room for all of the output makes zstd compress in one step; in several it finds other matches, hence other bytes. And
 * from this size on malloc always maps memory, and unmaps it when it is freed; of what is mapped only what is written
 * counts. Smaller buffers would stay with malloc: 40 MB of them with two threads. Bytes.
 */
const ALWAYS_MAPPED = 33 * 2 ** 20;

/** `ZSTD_c_compressionLevel` of zstd.h. */
const ZSTD_C_COMPRESSION_LEVEL = 100;
