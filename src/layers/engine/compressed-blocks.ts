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
      while (queue.length >= pool.window) yield* lent(pool, queue.shift()!);
    }
    while (queue.length > 0) yield* lent(pool, queue.shift()!);
  } finally {
    leave();
    for (const compressed of queue) compressed.then(({ data }) => pool.takeBack(data)).catch(() => undefined);
  }
}

/** Its buffer is used again as soon as the next block is asked for. */
async function* lent(
  pool: WorkerPool,
  compressed: Promise<CompressedBlock>,
): AsyncGenerator<CompressedBlock, void, void> {
  const block = await compressed;
  try {
    yield block;
  } finally {
    pool.takeBack(block.data);
  }
}

async function compressBlock(
  pool: WorkerPool,
  codec: Codec,
  { raw, end }: RawBlock,
  first: boolean,
  onBlock: (read: number, written: number) => void,
): Promise<CompressedBlock> {
  const read = raw.byteLength;
  const body = codec.name === 'none' ? raw : await runCompression(pool, codec, raw);
  const head = first ? codecHeader(codec) : NOTHING;
  const tail = end === undefined ? NOTHING : codecTrailer(codec, end.crc32, end.size);
  const isWhole = head.byteLength + tail.byteLength === 0;
  const data = isWhole ? body : Buffer.concat([head, body, tail]);
  if (!isWhole) pool.takeBack(body);
  onBlock(read, data.byteLength);
  return end === undefined ? { data } : { data, end };
}

const NOTHING = new Uint8Array(0);

/** What it gives lies in the buffer of `raw`, or that one is given back. */
async function runCompression(pool: WorkerPool, codec: Codec, raw: Uint8Array): Promise<Uint8Array> {
  const job = { kind: 'compress', codec, raw } as const;
  let compressed: Uint8Array | undefined;
  try {
    compressed = await pool.run(job, undefined, raw.buffer instanceof ArrayBuffer ? [raw.buffer] : []);
    return compressed;
  } finally {
    if (!(compressed?.buffer instanceof SharedArrayBuffer)) pool.takeBack(raw);
  }
}
