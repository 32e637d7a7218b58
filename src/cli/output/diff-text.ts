import type { ChangedPackage, DiffedLayer, DiffResult } from '../../verbs/diff.ts';
import { count, formatBytes, formatTable, shortDigest } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { storePathName, storePathNames } from '../store-path-names.ts';

/** What `diff` prints for people: packages, then layers, then the sum. */
export function diffText({ added, removed, changed, unchanged, layers, bytes }: DiffResult): string {
  const packages = [
    ...added.map((path) => `+ ${storePathName(path)}`),
    ...removed.map((path) => `- ${storePathName(path)}`),
    ...changed.map(changeLine),
  ];
  const lines = [
    ...packages,
    ...(packages.length > 0 && layers !== undefined ? [''] : []),
    ...(layers === undefined ? [] : layerLines(layers)),
    `${count(added.length, 'path')} added, ${removed.length} removed, ${changed.length} changed, ` +
      `${unchanged.length} unchanged: ${formatBytes(bytes)} to move`,
  ];
  return `${lines.map(safeText).join('\n')}\n`;
}

/** `~ openssl-3.0.7 -> openssl-3.0.8`; of a package that was only built anew, its name once. */
function changeLine({ from, to }: ChangedPackage): string {
  const [before, after] = [from, to].map((paths) => paths.map(storePathName).join(', '));
  return before === after ? `~ ${before} (rebuilt)` : `~ ${before} -> ${after}`;
}

function layerLines(layers: readonly DiffedLayer[]): string[] {
  const rows = layers.map(({ digest, size, moves, reason, paths }, index) => [
    String(index + 1),
    moves ? 'moves' : 'stays',
    formatBytes(size),
    digest === undefined ? '?' : shortDigest(digest),
    reason,
    storePathNames(paths, 2),
  ]);
  return formatTable([['LAYER', '', 'SIZE', 'DIGEST', 'WHY', 'PATHS'], ...rows], new Set([0, 2]));
}
