import type { Digest } from '../../base/digest.ts';
import type { ErrorCode, ErrorContext } from '../../base/errors.ts';
import type { Codec } from '../codec.ts';
import type { LayerRecipe } from '../recipe.ts';

/** What the main thread asks of a worker. One job at a time. */
export type Job = ReadJob | CompressJob | CloseJob;

/** The next block of a layer's tar. The worker that reads a layer's first block keeps its place in it. */
export interface ReadJob {
  readonly kind: 'read';
  readonly pass: number;
  /** With the first block of a pass. */
  readonly recipe?: LayerRecipe;
  /** Of a block's size. */
  readonly into: SharedArrayBuffer;
}

export interface CompressJob {
  readonly kind: 'compress';
  readonly codec: Codec;
  readonly raw: Uint8Array;
}

/** Forget a pass that is not read to its end. */
export interface CloseJob {
  readonly kind: 'close';
  readonly pass: number;
}

export interface RawBlock {
  readonly raw: Uint8Array;
  /** With the last block of a pass. */
  readonly end?: TarEndInfo;
}

/** Facts about the whole tar. */
export interface TarEndInfo {
  readonly diffId: Digest;
  /** Bytes. */
  readonly size: number;
  readonly crc32: number;
}

/** A block of the compressed blob, header and trailer of the format included; valid until the next one is asked for. */
export interface CompressedBlock {
  readonly data: Uint8Array;
  /** With the last block. */
  readonly end?: TarEndInfo;
}

export interface JobResults {
  read: RawBlock;
  compress: Uint8Array;
  close: null;
}

export type Reply = { result: JobResults[Job['kind']] } | { error: PlainError };

/** A NixpushError as plain data: classes do not survive the way between threads. */
export interface PlainError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly context: ErrorContext;
}
