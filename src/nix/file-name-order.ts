import { isUtf8 } from 'node:buffer';

/**
 * Sorts the names of one directory as Python sorts them, which is the order of nixpkgs' layers: by code point, where a
 * byte that is not UTF-8 counts as U+DC80 to U+DCFF (PEP 383). For names that are UTF-8 that is the order of their bytes.
 * Names are bytes in Latin-1.
 */
export function sortFileNames(names: string[]): string[] {
  const bytes = names.filter((name) => BEYOND_ASCII.test(name)).map((name) => Buffer.from(name, 'latin1'));
  if (bytes.every((name) => isUtf8(name))) return names.sort();
  return names
    .map((name) => ({ name, points: codePoints(Buffer.from(name, 'latin1')) }))
    .sort((a, b) => comparePoints(a.points, b.points))
    .map(({ name }) => name);
}

const BEYOND_ASCII = /[\x80-\xff]/;

function comparePoints(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

function codePoints(name: Buffer): number[] {
  const points: number[] = [];
  for (let at = 0; at < name.length;) {
    const length = sequenceLength(name[at]!);
    const sequence = name.subarray(at, at + length);
    if (sequence.length === length && isUtf8(sequence)) {
      points.push(sequence.toString('utf8').codePointAt(0)!);
      at += length;
    } else {
      points.push(0xdc00 + name[at]!);
      at += 1;
    }
  }
  return points;
}

/** Bytes of the UTF-8 sequence that begins with `lead`; whether it is one is for isUtf8 to say. */
function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
