import { usageError } from '../base/errors.ts';

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes of `16M`, `16MiB`, `500k`, `4194304`: units are of 1024. Throws ERR_USAGE naming `option`. */
export function parseSize(text: string, option: string): number {
  const [, number, unit = ''] = /^(\d{1,12})(?:([kmg])(?:i?b)?)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNIT_BYTES[unit.toLowerCase()] ?? 1);
  if (bytes > 0) return bytes;
  throw usageError(`${option} ${text} is not a size`, 'Write it like 16M, 500k or 4194304.');
}
