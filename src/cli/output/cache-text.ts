import type { CacheInfo } from '../../verbs/cache.ts';
import { count, formatBytes, formatTable } from '../format.ts';

/** What `cache` prints for people: a line for each part, then the sum. */
export function cacheText({ directory, parts, files, bytes }: CacheInfo, cleared: boolean): string {
  const rows = parts.map((part) => [part.name, String(part.files), formatBytes(part.bytes), part.purpose]);
  const table =
    parts.length === 0 ? [] : formatTable([['PART', 'FILES', 'SIZE', 'WHAT FOR'], ...rows], new Set([1, 2]));
  const sum = `${count(files, 'file')}, ${formatBytes(bytes)}`;
  return `${[...table, `${directory}: ${cleared ? `removed ${sum}` : sum}`].join('\n')}\n`;
}
