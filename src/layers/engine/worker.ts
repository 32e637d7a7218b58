/** The worker thread: reads store paths with synchronous calls (twenty times faster than asynchronous ones) and compresses. */
import { parentPort } from 'node:worker_threads';
import { NixpushError } from '../../base/errors.ts';
import { blockCompressor, type CompressBlock } from './compress.ts';
import { LayerReader } from './layer-reader.ts';
import type { Job, JobResults, PlainError, ReadJob, Reply } from './protocol.ts';

const port = parentPort!;
const passes = new Map<number, LayerReader>();
const compressors = new Map<string, CompressBlock>();

port.on('message', (job: Job) => {
  try {
    const result = run(job);
    const reply: Reply = { result };
    port.postMessage(reply, transferables(result));
  } catch (error) {
    const reply: Reply = { error: plainError(error) };
    port.postMessage(reply);
  }
});

function run(job: Job): JobResults[Job['kind']] {
  switch (job.kind) {
    case 'read':
      return read(job);
    case 'compress': {
      const compress = compressors.get(job.codec.id) ?? blockCompressor(job.codec);
      compressors.set(job.codec.id, compress);
      return inPlace(compress(job.raw), job.raw);
    }
    case 'close':
      close(job.pass);
      return null;
  }
}

function read({ pass, recipe, into }: ReadJob): JobResults['read'] {
  if (recipe !== undefined) passes.set(pass, new LayerReader(recipe));
  try {
    const reader = passes.get(pass)!;
    const block = reader.next(new Uint8Array(into));
    if (block.end !== undefined) close(pass);
    return block;
  } catch (error) {
    close(pass);
    throw error;
  }
}

function close(pass: number): void {
  passes.get(pass)?.close();
  passes.delete(pass);
}

/** Into the shared memory of the block that it was made of, if it fits: it can be read there from any thread. */
function inPlace(compressed: Uint8Array, { buffer }: Uint8Array): Uint8Array {
  const fits = buffer instanceof SharedArrayBuffer && compressed.byteLength <= buffer.byteLength;
  const place = fits
    ? new Uint8Array(buffer, 0, compressed.byteLength)
    : new Uint8Array(compressed.byteLength);
  place.set(compressed);
  return place;
}

/** Blocks change hands instead of being copied, unless both sides have them. A buffer from Node's pool must be copied. */
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
