import { versions } from 'node:process';
import { usageError } from '../base/errors.ts';
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../image/media-types.ts';

/**
 * A compression format with its level and version. Layers are compressed block by block, each block by itself, so
 * that all cores work on one layer and the bytes do not depend on how many there are.
 */
export interface Codec {
  readonly name: 'gzip' | 'zstd' | 'none';
  /** 0 for `none`. */
  readonly level: number;
  /** Everything the compressed bytes depend on beside the input; part of the recipe. */
  readonly id: string;
  readonly mediaType: string;
  /** Bytes of input in a block. Part of the format: another size gives other bytes. */
  readonly blockSize: number;
  /** Bytes of input before a block that the block's compression may refer to. */
  readonly dictionarySize: number;
}

const MIB = 2 ** 20;
/** Version of the pinned encoder; a test compares it with the installed package. */
export const ZSTD_ENCODER = '@bokuweb/zstd-wasm@0.0.27';
export const DEFAULT_COMPRESSION = 'gzip';
/** Where the curve of size against time bends: docs/layers.md has the figures. */
const GZIP_LEVEL = 4;
const ZSTD_LEVEL = 3;
/** zlib's `memLevel`: the largest is a tenth faster than the usual 8, for half a percent of size. */
export const GZIP_MEMORY_LEVEL = 9;

/** `gzip`, `zstd` or `none`, with `:LEVEL` where the format has levels. Throws ERR_USAGE. */
export function parseCodec(text: string): Codec {
  const match = /^(gzip|zstd|none)(?::(\d{1,2}))?$/.exec(text);
  if (match === null)
    throw usageError(
      `--compression ${text}: not known`,
      'Use gzip, zstd or none, with a level as in zstd:6.',
    );
  const name = match[1] as Codec['name'];
  const level = match[2] === undefined ? undefined : Number(match[2]);
  switch (name) {
    case 'gzip':
      return gzipCodec(checkLevel(text, level ?? GZIP_LEVEL, 1, 9));
    case 'zstd':
      return zstdCodec(checkLevel(text, level ?? ZSTD_LEVEL, 1, 19));
    case 'none':
      if (level !== undefined) throw usageError(`--compression ${text}: none has no level`);
      return { name, level: 0, id: 'none', mediaType: OCI_LAYER, blockSize: MIB, dictionarySize: 0 };
  }
}

/**
 * gzip's bytes are those of the zlib in this Node: they differ between zlib builds, so the build is in the id.
 * One member, since some readers stop after the first.
 */
function gzipCodec(level: number): Codec {
  const blockSize = MIB;
  const id = `gzip:${level} memory=${GZIP_MEMORY_LEVEL} block=${blockSize} zlib=${versions.zlib}`;
  return { name: 'gzip', level, id, mediaType: OCI_LAYER_GZIP, blockSize, dictionarySize: 32_768 };
}

/** A frame a block, with the bytes of an encoder in WebAssembly that are the same on every machine. */
function zstdCodec(level: number): Codec {
  const blockSize = 4 * MIB;
  const id = `zstd:${level} frame=${blockSize} ${ZSTD_ENCODER}`;
  return { name: 'zstd', level, id, mediaType: OCI_LAYER_ZSTD, blockSize, dictionarySize: 0 };
}

function checkLevel(text: string, level: number, lowest: number, highest: number): number {
  if (level >= lowest && level <= highest) return level;
  throw usageError(`--compression ${text}: the level must be between ${lowest} and ${highest}`);
}
