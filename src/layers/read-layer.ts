import { createHash } from 'node:crypto';
import { extract, type Header } from 'tar-stream';
import { digestAlgorithm, type Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import { decompress } from './decompress.ts';

/** A layer of an image that somebody made. */
export interface StoredLayer {
  /** Of the tar, checked. */
  readonly diffId: Digest;
  /** For messages: `layer 3 of the base image`. */
  readonly what: string;
  /** The layer as it is stored, its digest checked at the end. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Hears of a tar as it goes by. What `entry` throws ends the reading. */
export interface TarListener {
  entry(header: Header): void;
  /** Bytes of the file that was named last. Throws nothing. */
  content?(piece: Uint8Array): void;
}

/** Bytes of all tars of an image together: only someone who means harm has more. */
const MOST_BYTES = 256 * 2 ** 30;

/** How much was unpacked of an image so far. */
export class UnpackedBytes {
  #total = 0;

  /** Throws ERR_FORMAT when it is too much. */
  add(bytes: number, what: string): void {
    this.#total += bytes;
    if (this.#total > MOST_BYTES) throw new NixpushError('ERR_FORMAT', `${what} unpacks to too many bytes`);
  }
}

/**
 * Reads a layer's tar to its end, and nothing of it is kept. Throws ERR_FORMAT for a tar that is damaged or too large,
 * ERR_INTEGRITY if it has another diffID, and what the source and the listener throw.
 */
export async function readLayer(
  layer: StoredLayer,
  bytes: UnpackedBytes,
  listener: TarListener,
): Promise<void> {
  await readTar(checked(layer, bytes), layer.what, listener);
}

async function* checked(
  { open, diffId, what }: StoredLayer,
  bytes: UnpackedBytes,
): AsyncGenerator<Uint8Array, void, void> {
  const algorithm = digestAlgorithm(diffId);
  const hash = createHash(algorithm);
  const stored = untilTheEnd(open());
  for await (const piece of decompress(stored.bytes)) {
    bytes.add(piece.byteLength, what);
    hash.update(piece);
    yield piece;
  }
  if (!stored.ended()) throw new NixpushError('ERR_FORMAT', `${what} has bytes after its end`);
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (actual !== diffId)
    throw new NixpushError('ERR_INTEGRITY', `${what} has the diffID ${actual}, its config says ${diffId}`, {
      digest: diffId,
    });
}

/** Whoever does not read to the end has not seen the digest checked. */
function untilTheEnd(source: AsyncIterable<Uint8Array>): {
  bytes: AsyncIterable<Uint8Array>;
  ended: () => boolean;
} {
  let ended = false;
  async function* bytes(): AsyncGenerator<Uint8Array, void, void> {
    yield* source;
    ended = true;
  }
  return { bytes: bytes(), ended: () => ended };
}

/** Tars of before 1988 have no magic number; engines read them. */
const OLD_TARS_TOO: object = { allowUnknownFormat: true };

async function readTar(tar: AsyncIterable<Uint8Array>, what: string, listener: TarListener): Promise<void> {
  const reader = extract(OLD_TARS_TOO);
  let failure: Error | undefined;
  const finished = new Promise<void>((resolve) => {
    reader.on('close', resolve);
    reader.on('finish', resolve);
    reader.on('error', (error) => (failure ??= error));
  });
  reader.on('entry', (header, content, next) => {
    try {
      listener.entry(header);
      content.on('data', (piece) => listener.content?.(piece as Uint8Array));
      content.on('end', () => next());
      // The reader says it too.
      content.on('error', () => undefined);
    } catch (error) {
      failure = error as Error;
      next(failure);
    }
  });
  try {
    for await (const piece of tar) {
      if (!reader.write(piece)) await Promise.race([drained(reader), finished]);
      if (failure !== undefined) throw failure;
    }
    reader.end(undefined);
    await finished;
    if (failure !== undefined) throw failure;
  } catch (error) {
    throw error instanceof NixpushError ? error : damaged(what, error as Error);
  } finally {
    reader.destroy(null);
  }
}

async function drained(reader: ReturnType<typeof extract>): Promise<void> {
  return new Promise<void>((resolve) => void reader.once('drain', () => resolve()));
}

function damaged(what: string, cause: Error): NixpushError {
  return new NixpushError('ERR_FORMAT', `${what} cannot be unpacked: ${cause.message}`, { cause });
}
