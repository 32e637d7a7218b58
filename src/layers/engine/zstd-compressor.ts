import { createRequire } from 'node:module';
import { versions } from 'node:process';
import * as zlib from 'node:zlib';
import type * as Zstd from '@bokuweb/zstd-wasm';

type Compress = (raw: Uint8Array) => Uint8Array<ArrayBuffer>;

/** Releases of zstd that give the bytes of the pinned encoder; a test compares them at all levels. */
const SAME_BYTES = new Set<string | undefined>(['1.5.7']);

/**
 * A zstd frame of each block, with the bytes of the pinned WebAssembly encoder on every machine. Where Node brings a
 * zstd that gives the same bytes it is taken instead, as it is up to twice as fast. That it does is not only believed of its
 * version (others may have built it, for another processor): it must do so for a sample.
 */
export async function zstdCompressor(level: number): Promise<Compress> {
  const native = nativeCompressor(level);
  const agrees = native !== undefined && sampleChecksum(native) === SAMPLE_CHECKSUMS[level - 1];
  return agrees ? native : pinnedCompressor(level);
}

/** CRC-32 of the sample's frame, as the pinned encoder makes it, at levels 1 to 19. A test compares them with it. */
export const SAMPLE_CHECKSUMS: readonly string[] =
  '1fef8ec7 060ba8a9 809cbbfd d4357d67 f05c439b 8409c2bd 9951bf47 56e4c1a2 d01ce4be 97f95934 49f4ba13 5b11c80e aad005d8 a144b1f9 a144b1f9 764e0e39 764e0e39 057ce736 057ce736'.split(
    ' ',
  );

export function sampleChecksum(compress: Compress): string {
  // Several of the blocks of which zstd makes a frame.
  const numbers = Array.from({ length: 30_000 }, (_, n) => (n * n).toString(36));
  const checksum = zlib.crc32(compress(Buffer.from(numbers.join(' '))));
  return checksum.toString(16).padStart(8, '0');
}

export async function pinnedCompressor(level: number): Promise<Compress> {
  const zstd = await (loading ??= loadPinned());
  return (raw) => zstd.compress(raw, level) as Uint8Array<ArrayBuffer>;
}

let loading: Promise<typeof Zstd> | undefined;

async function loadPinned(): Promise<typeof Zstd> {
  // Node would analyse a CommonJS module that is imported; for this one that takes 30 ms.
  const zstd = createRequire(import.meta.url)('@bokuweb/zstd-wasm') as typeof Zstd;
  // Once: a second call would take its memory away from whoever uses it.
  await zstd.init();
  return zstd;
}

interface ZstdOptions {
  readonly params: Readonly<Record<number, number>>;
  readonly chunkSize: number;
}

/** Node's own, from 22.15 on; the types of Node 20 do not know it. */
export function nativeCompressor(level: number): Compress | undefined {
  const { zstdCompressSync } = zlib as {
    zstdCompressSync?: (raw: Uint8Array, options: ZstdOptions) => Uint8Array<ArrayBuffer>;
  };
  if (zstdCompressSync === undefined || !SAME_BYTES.has(versions['zstd'])) return undefined;
  const params = { [ZSTD_C_COMPRESSION_LEVEL]: level };
  return (raw) => {
    const chunkSize = Math.max(raw.byteLength + (raw.byteLength >> 8) + 1024, ALWAYS_MAPPED);
    // Copied, and the large buffer left to V8: it collects before the next so large an allocation, and so frees the
    // encoder too, which Node frees no sooner.
    return new Uint8Array(zstdCompressSync(raw, { params, chunkSize }));
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
