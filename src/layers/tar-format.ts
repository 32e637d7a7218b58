import { usageError } from '../base/errors.ts';

/**
 * How the tar of a layer is written: `nixpkgs` as its streamLayeredImage does (tar-header.ts), `n2c` as nix2container
 * (go-tar-header.ts): beginning with `/`, store paths sorted by name, headers as Go's `archive/tar` writes them.
 */
export type TarFormat = (typeof TAR_FORMATS)[number];

export const TAR_FORMATS = ['nixpkgs', 'n2c'] as const;

/** Throws ERR_USAGE. */
export function parseTarFormat(text: string): TarFormat {
  const format = TAR_FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  throw usageError(`--tar-format ${text}: not known`, `Use ${TAR_FORMATS.join(' or ')}.`);
}
