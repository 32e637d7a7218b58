import { versions } from 'node:process';
import * as zlib from 'node:zlib';
import type * as Zstd from '@bokuweb/zstd-wasm';

type Compress = (raw: Uint8Array) => Uint8Array;

/** Releases of zstd that give the bytes of the pinned encoder; a test compares them at all levels. */
const SAME_BYTES = new Set<string | undefined>(['1.5.7']);
/** Bytes of the first block that are compressed by both encoders. */
const SAMPLE = 2 ** 20;

/**
 * A zstd frame of each block, with the bytes of the pinned WebAssembly encoder on every machine. Where Node brings a
 * zstd that gives the same bytes it is taken instead, as it is up to twice as fast. That it does is not only believed of its
 * version (others may have built it, for another processor): it must agree on the first data that comes.
 */
export async function zstdCompressor(level: number): Promise<Compress> {
  const pinned = await pinnedCompressor(level);
  const native = nativeCompressor(level);
  if (native === undefined) return pinned;
  let chosen: Compress | undefined;
  return (raw) => {
    const sample = raw.subarray(0, SAMPLE);
    chosen ??= Buffer.from(native(sample)).equals(pinned(sample)) ? native : pinned;
    return chosen(raw);
  };
}

export async function pinnedCompressor(level: number): Promise<Compress> {
  const zstd = await (loading ??= loadPinned());
  return (raw) => zstd.compress(raw, level);
}

let loading: Promise<typeof Zstd> | undefined;

async function loadPinned(): Promise<typeof Zstd> {
  const zstd = await import('@bokuweb/zstd-wasm');
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
    return trimmed(zstdCompressSync(raw, { params, chunkSize }));
  };
}

/**
 * Room for all of the output makes zstd compress in one step; in several it finds other matches, hence other bytes. And
 * from this size on malloc always maps memory, and unmaps it when it is freed; of what is mapped only what is written
 * counts. Smaller buffers would stay with malloc: 80 MB of them with two threads. Bytes.
 */
const ALWAYS_MAPPED = 33 * 2 ** 20;

/** `ZSTD_c_compressionLevel` of zstd.h. */
const ZSTD_C_COMPRESSION_LEVEL = 100;

/** What became small must not keep, and carry to another thread, the whole of a large buffer. */
export function trimmed(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength < bytes.buffer.byteLength / 2 ? new Uint8Array(bytes) : bytes;
}
