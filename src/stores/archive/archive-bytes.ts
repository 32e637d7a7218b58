import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortError, ioError, NixpushError, usageError } from '../../base/errors.ts';
import { FileInput, StreamInput, type TarInput } from './tar-input.ts';
import { Turns } from './turns.ts';

/** Gives the bytes of a gzip or zstd stream unpacked, others as they are. */
export type Decompress = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** The tar inside an archive file, from the front and from any place in it. */
export interface ArchiveBytes {
  /** The whole tar from its beginning. */
  fromStart(): TarInput;
  /** A part of it. Throws Error if the tar ends before. */
  part(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** Bytes read from a file at a time. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Opens a tar, plain or compressed; `-` is standard input. What cannot be read twice, a pipe, is kept in a temporary
 * file that has no name: in many archives the list of layers stands behind the layers. Throws ERR_NOT_FOUND, ERR_IO,
 * and ERR_FORMAT for compressions that are not supported.
 */
export async function openArchiveBytes(
  file: string,
  decompress: Decompress,
  signal?: AbortSignal,
): Promise<ArchiveBytes> {
  const handle = await openSeekable(file, signal);
  try {
    const start = Buffer.alloc(8);
    const { bytesRead } = await handle.read(start, 0, start.byteLength, 0);
    const form = formOf(start.subarray(0, bytesRead));
    if (form === 'tar') return new PlainBytes(handle, (await handle.stat()).size);
    if (form === 'compressed') return new CompressedBytes(handle, decompress);
    throw new NixpushError('ERR_FORMAT', `${file} is ${form.what}, not an image archive`, {
      path: file,
      hint: form.hint,
    });
  } catch (error) {
    await handle.close();
    throw ioError(error, 'cannot read', file);
  }
}

async function openSeekable(file: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  if (file === '-' && !fstatSync(0).isFile()) {
    if (process.stdin.isTTY)
      throw usageError('docker-archive:-: standard input is a terminal', 'Pipe an archive into it.');
    return spool(process.stdin, file, signal);
  }
  let handle: FileHandle;
  try {
    handle = await open(file === '-' ? '/dev/stdin' : file, 'r');
  } catch (error) {
    throw ioError(error, 'cannot read', file);
  }
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return handle;
    if (!stat.isDirectory()) return await spool(handle.createReadStream(), file, signal);
    throw new NixpushError('ERR_FORMAT', `${file} is a directory, not an image archive`, {
      path: file,
      hint: `If it is an OCI image layout, write oci:${file}.`,
    });
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw ioError(error, 'cannot read', file);
  }
}

/** What comes through a pipe, in a file that disappears with its last handle. */
async function spool(
  pipe: AsyncIterable<Uint8Array>,
  file: string,
  signal: AbortSignal | undefined,
): Promise<FileHandle> {
  const path = join(tmpdir(), `nixpush-${randomBytes(9).toString('base64url')}`);
  const spooled = await open(path, 'wx+', 0o600);
  try {
    await rm(path);
    for await (const piece of pipe) {
      if (signal?.aborted === true) throw abortError(signal);
      await spooled.writeFile(piece);
    }
    return spooled;
  } catch (error) {
    await spooled.close();
    throw ioError(error, `cannot keep what comes from ${file} in`, path);
  }
}

type Form = 'tar' | 'compressed' | { what: string; hint: string };

function formOf(start: Buffer): Form {
  const begins = (hex: string): boolean => start.toString('hex').startsWith(hex);
  if (begins('1f8b') || begins('28b52ffd')) return 'compressed';
  if (start.byteLength === 0)
    return { what: 'empty', hint: 'See whether the program that writes it failed.' };
  if (begins('fd377a585a00'))
    return {
      what: 'compressed with xz',
      hint: 'Unpack it first: xz -dc FILE | nixpush copy docker-archive:- …',
    };
  if (begins('425a68'))
    return {
      what: 'compressed with bzip2',
      hint: 'Unpack it first: bzip2 -dc FILE | nixpush copy docker-archive:- …',
    };
  if (start.toString('latin1').startsWith('#!')) {
    return {
      what: 'a program',
      hint: 'If it is what streamLayeredImage made: nixpush ./result --to …',
    };
  }
  return 'tar';
}

class PlainBytes implements ArchiveBytes {
  readonly #handle: FileHandle;
  readonly #size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  fromStart(): TarInput {
    return new FileInput(this.#handle, this.#size);
  }

  async *part(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const input = new FileInput(this.#handle, this.#size);
    await input.advance(offset);
    yield* take(input, length, signal);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * Nothing can be read from a compressed file but from its front. So readers take turns: one decompressor goes through
 * the file, and whoever wants what comes next is served next; it starts again only for what lies behind it.
 */
class CompressedBytes implements ArchiveBytes {
  readonly #handle: FileHandle;
  readonly #decompress: Decompress;
  readonly #turns = new Turns();
  #input: StreamInput | undefined;

  constructor(handle: FileHandle, decompress: Decompress) {
    this.#handle = handle;
    this.#decompress = decompress;
  }

  fromStart(): StreamInput {
    return new StreamInput(this.#decompress(contentOf(this.#handle)));
  }

  async *part(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
    await this.#turns.take(offset);
    try {
      if (this.#input === undefined || this.#input.position > offset) {
        await this.#forget();
        this.#input = this.fromStart();
      }
      await this.#input.advance(offset);
      yield* take(this.#input, length, signal);
    } catch (error) {
      await this.#forget();
      throw error;
    } finally {
      this.#turns.pass(this.#input?.position ?? 0);
    }
  }

  async close(): Promise<void> {
    await this.#forget();
    await this.#handle.close();
  }

  async #forget(): Promise<void> {
    const input = this.#input;
    this.#input = undefined;
    // A decompressor that failed may say so once more.
    await input?.close().catch(() => undefined);
  }
}

async function* take(
  input: TarInput,
  length: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  for (let left = length; left > 0;) {
    if (signal?.aborted === true) throw abortError(signal);
    const piece = await input.read(Math.min(left, CHUNK_BYTES));
    if (piece.byteLength === 0) throw new Error('it became shorter while it was read');
    left -= piece.byteLength;
    yield piece;
  }
}

async function* contentOf(handle: FileHandle): AsyncGenerator<Buffer, void, void> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await handle.read(
      Buffer.allocUnsafe(CHUNK_BYTES),
      0,
      CHUNK_BYTES,
      position,
    );
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
