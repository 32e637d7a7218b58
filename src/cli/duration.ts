import { usageError } from '../base/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `90s`, `5m`, `1h`, `1m30s`; a bare number is seconds. Throws ERR_USAGE naming `option`. */
export function parseDuration(text: string, option: string): number {
  if (!/^(\d{1,6}|(\d{1,6}[smh])+)$/.test(text)) {
    throw usageError(`${option} ${text} is not a duration`, 'Write it like 90s, 5m or 1h.');
  }
  return [...text.matchAll(/(\d+)([smh]?)/g)].reduce(
    (sum, [, number, unit = '']) => sum + Number(number) * (UNIT_MS[unit] ?? 0),
    0,
  );
}
