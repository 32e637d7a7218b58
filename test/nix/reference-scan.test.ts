import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ReferenceScan } from '../../src/nix/reference-scan.ts';

const HASH = '0dczwaqyb02ay7vx399ashww848y804z';
const OTHER = 'fgj7yqw8cz276h30srg0fl9mi353wmmj';

function scan(pieces: readonly (string | Uint8Array)[]): string[] {
  const found = new ReferenceScan(new Set([HASH, OTHER]));
  for (const piece of pieces) found.push(Buffer.from(piece));
  return [...found.found].sort();
}

describe('references are found', () => {
  test('wherever a hash stands, also inside a longer run of the same characters', () => {
    assert.deepEqual(scan([`/nix/store/${HASH}-hello`]), [HASH]);
    assert.deepEqual(scan([`abc${HASH}xyz`, OTHER]), [HASH, OTHER]);
    assert.deepEqual(scan([Buffer.concat([Buffer.from([0, 255]), Buffer.from(HASH), Buffer.from([0])])]), [
      HASH,
    ]);
  });

  test('however the text is cut into pieces', () => {
    const text = Buffer.from(`x${'0'.repeat(40)}${HASH}-a\0${OTHER}`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.subarray(at[index], end));
        assert.deepEqual(scan(pieces), [HASH, OTHER]);
      }),
    );
  });

  test('not across two texts, and not in part', () => {
    const found = new ReferenceScan(new Set([HASH]));
    found.push(Buffer.from(HASH.slice(0, 16)));
    found.end();
    found.push(Buffer.from(HASH.slice(16)));
    found.push(Buffer.from(` ${HASH.slice(1)}`));
    assert.deepEqual([...found.found], []);
  });

  test('also when the piece is filled anew after it was given', () => {
    const found = new ReferenceScan(new Set([HASH]));
    const piece = Buffer.from(`  ${HASH.slice(0, 20)}`);
    found.push(piece);
    piece.fill(0);
    found.push(Buffer.from(HASH.slice(20)));
    assert.deepEqual([...found.found], [HASH]);
  });
});
