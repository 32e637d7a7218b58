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
  /** Everything the compressed bytes depend on beside the input, the same on every machine; part of the recipe. */
  readonly id: string;
  readonly mediaType: string;
  /** Bytes of input in a block. Part of the format: another size gives other bytes. */
  readonly blockSize: number;
}

const MIB = 2 ** 20;
/** Releases of the encoders in encoders/. */
const LIBDEFLATE_RELEASE = '1.23';
export const ZSTD_RELEASE = '1.5.7';
export const DEFAULT_COMPRESSION = 'gzip';
/** Where the curve of size against time bends: docs/layers.md has the figures. */
const GZIP_LEVEL = 2;
const ZSTD_LEVEL = 3;

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
      return gzipCodec(checkLevel(text, level ?? GZIP_LEVEL, 1, 12));
    case 'zstd':
      return zstdCodec(checkLevel(text, level ?? ZSTD_LEVEL, 1, 19));
    case 'none':
      if (level !== undefined) throw usageError(`--compression ${text}: none has no level`);
      return { name, level: 0, id: 'none', mediaType: OCI_LAYER, blockSize: MIB };
  }
}

/** One member, since some readers stop after the first. */
function gzipCodec(level: number): Codec {
  const blockSize = MIB;
  const id = `gzip:${level} block=${blockSize} libdeflate=${LIBDEFLATE_RELEASE}`;
  return { name: 'gzip', level, id, mediaType: OCI_LAYER_GZIP, blockSize };
}

/** A frame a block. */
function zstdCodec(level: number): Codec {
  const blockSize = 4 * MIB;
  const id = `zstd:${level} frame=${blockSize} zstd=${ZSTD_RELEASE}`;
  return { name: 'zstd', level, id, mediaType: OCI_LAYER_ZSTD, blockSize };
}

function checkLevel(text: string, level: number, lowest: number, highest: number): number {
  if (level >= lowest && level <= highest) return level;
  throw usageError(`--compression ${text}: the level must be between ${lowest} and ${highest}`);
}
