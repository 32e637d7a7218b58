import type { Codec } from '../codec.ts';
import { codecHeader, codecTrailer } from './compress.ts';
import type { WorkerPool } from './pool.ts';
import type { CompressedBlock, RawBlock } from './protocol.ts';

/**
 * A tar's blocks compressed on all workers, in order: put together they are the blob. `onBlock` is told the bytes
 * before and after of each.
 */
export async function* compressedBlocks(
  pool: WorkerPool,
  codec: Codec,
  blocks: AsyncIterable<RawBlock>,
  onBlock: (read: number, written: number) => void,
): AsyncGenerator<CompressedBlock, void, void> {
  const queue: Promise<CompressedBlock>[] = [];
  const leave = pool.join();
  let first = true;
  try {
    for await (const block of blocks) {
      const compressed = compressBlock(pool, codec, block, first, onBlock);
      first = false;
      // Awaited in its turn; a failure before that is not an unhandled one.
      compressed.catch(() => undefined);
      queue.push(compressed);
      while (queue.length >= pool.window) yield await queue.shift()!;
    }
    for (const compressed of queue) yield await compressed;
  } finally {
    leave();
  }
}

async function compressBlock(
  pool: WorkerPool,
  codec: Codec,
  { raw, dictionary, end }: RawBlock,
  first: boolean,
  onBlock: (read: number, written: number) => void,
): Promise<CompressedBlock> {
  const read = raw.byteLength;
  const body =
    codec.name === 'none' ? raw : await runCompression(pool, codec, raw, dictionary, end !== undefined);
  const parts = [
    ...(first ? [codecHeader(codec)] : []),
    body,
    ...(end === undefined ? [] : [codecTrailer(codec, end.crc32, end.size)]),
  ].filter(({ byteLength }) => byteLength > 0);
  const data = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  onBlock(read, data.byteLength);
  return end === undefined ? { data } : { data, end };
}

async function runCompression(
  pool: WorkerPool,
  codec: Codec,
  raw: Uint8Array,
  dictionary: Uint8Array,
  last: boolean,
): Promise<Uint8Array> {
  const job = { kind: 'compress', codec, raw, dictionary, last } as const;
  try {
    return await pool.run(job, undefined, raw.buffer instanceof ArrayBuffer ? [raw.buffer] : []);
  } finally {
    pool.takeBack(raw);
  }
}
