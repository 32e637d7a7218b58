/** The worker thread: reads store paths with synchronous calls (twenty times faster than asynchronous ones) and compresses. */
import { parentPort } from 'node:worker_threads';
import { NixpushError } from '../../base/errors.ts';
import { blockCompressor, type CompressBlock } from './compress.ts';
import { LayerReader } from './layer-reader.ts';
import type { Job, JobResults, PlainError, Reply } from './protocol.ts';

const port = parentPort!;
const passes = new Map<number, LayerReader>();
const compressors = new Map<string, CompressBlock>();
/** Blocks that were compressed here, for the next ones that are read here: memory is not freed and asked for again. */
const freeBlocks: Uint8Array[] = [];
const MOST_FREE_BLOCKS = 4;

port.on('message', (job: Job) => {
  run(job).then(
    (result) => {
      const reply: Reply = { result };
      port.postMessage(reply, transferables(result));
    },
    (error: unknown) => {
      const reply: Reply = { error: plainError(error) };
      port.postMessage(reply);
    },
  );
});

async function run(job: Job): Promise<JobResults[Job['kind']]> {
  switch (job.kind) {
    case 'read':
      return read(job.pass, job.recipe && new LayerReader(job.recipe, allocate));
    case 'compress': {
      const compress = compressors.get(job.codec.id) ?? (await blockCompressor(job.codec));
      compressors.set(job.codec.id, compress);
      const compressed = compress(job.raw, job.dictionary, job.last);
      if (freeBlocks.length < MOST_FREE_BLOCKS) freeBlocks.push(new Uint8Array(job.raw.buffer));
      return compressed;
    }
    case 'close':
      close(job.pass);
      return null;
  }
}

function read(pass: number, opened: LayerReader | undefined): JobResults['read'] {
  if (opened !== undefined) passes.set(pass, opened);
  try {
    const block = passes.get(pass)!.next();
    if (block.end !== undefined) close(pass);
    return block;
  } catch (error) {
    close(pass);
    throw error;
  }
}

function allocate(size: number): Uint8Array {
  const at = freeBlocks.findIndex(({ byteLength }) => byteLength === size);
  return at < 0 ? new Uint8Array(size) : freeBlocks.splice(at, 1)[0]!;
}

function close(pass: number): void {
  passes.get(pass)?.close();
  passes.delete(pass);
}

/** Blocks change hands instead of being copied. A buffer from Node's pool is shared with others and must be copied. */
function transferables(result: JobResults[Job['kind']]): ArrayBuffer[] {
  if (result === null) return [];
  const bytes = 'raw' in result ? result.raw : result;
  const whole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength >= 65_536;
  return whole ? [bytes.buffer] : [];
}

function plainError(error: unknown): PlainError {
  if (!(error instanceof NixpushError)) {
    const { message, stack } = error as Error;
    return { code: undefined, message, stack, context: {} };
  }
  const { code, message, stack, hint, path } = error;
  return { code, message, stack, context: { ...(hint && { hint }), ...(path && { path }) } };
}
