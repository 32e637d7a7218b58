import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ZstdFrames } from './zstd-frames.ts';

/**
 * A layer's tar, whatever it is compressed with. Its first bytes say that, as they do to engines: media types of old
 * images are at times wrong. Throws what the source throws, and Error if the compression is damaged.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const pieces = source[Symbol.asyncIterator]();
  const start = await firstBytes(pieces);
  const whole = joined(start, pieces);
  if (start[0] === 0x1f && start[1] === 0x8b) yield* gunzipped(whole);
  else if (isZstd(start)) yield* unzstd(whole);
  else yield* whole;
}

async function firstBytes(pieces: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let start = Buffer.alloc(0);
  while (start.byteLength < 4) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    start = Buffer.concat([start, value]);
  }
  return start;
}

async function* joined(
  start: Uint8Array,
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield start;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
  } finally {
    await pieces.return?.();
  }
}

/** The magic numbers of zstd frames and of skippable ones (RFC 8878, 3.1). */
function isZstd(start: Buffer): boolean {
  if (start.byteLength < 4) return false;
  const magic = start.readUInt32LE(0);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // Its failures reach whoever reads from `gunzip`.
  pipeline(source, gunzip, () => undefined);
  yield* gunzip as AsyncIterable<Uint8Array>;
}

/** The decoder does not depend on this Node's version: only later ones have zstd built in. */
async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const { Decompress } = await import('fzstd');
  const output: Uint8Array[] = [];
  const frames = new ZstdFrames(() => {
    const decoder = new Decompress((piece) => void output.push(piece));
    return (piece, last) => decoder.push(piece, last);
  });
  for await (const piece of source) {
    // By small steps: what comes out may be very much larger, and all of it waits here.
    for (let at = 0; at < piece.byteLength; at += 4096) {
      frames.push(piece.subarray(at, at + 4096));
      yield* output.splice(0);
    }
  }
  frames.end();
}
