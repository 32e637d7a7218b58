import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openEncoder } from '../../src/layers/engine/wasm-encoder.ts';
import { SAMPLE_CHECKSUMS, sampleChecksum } from '../../src/layers/engine/zstd-compressor.ts';
import { needsNode } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';

const compiled = (name: string): string =>
  JSON.stringify(new URL(`../../src/layers/engine/${name}.js`, import.meta.url).href);
const sampleFile = join(repoRoot, 'encoders', 'zstd.wasm');

/** Prints the levels and sizes at which the two encoders of that Node differ, and how many were compared. */
const compareAllLevels = `
  import { readFileSync } from 'node:fs';
  const { nativeCompressor } = await import(${compiled('zstd-compressor')});
  const { openEncoder } = await import(${compiled('wasm-encoder')});
  const program = readFileSync(${JSON.stringify(sampleFile)});
  const long = Buffer.concat([program, program.toString('hex'), program.toString('base64')].map((part) => Buffer.from(part)));
  const differing = [];
  let compared = 0;
  for (let level = 1; level <= 19; level++) {
    const native = nativeCompressor(level);
    const pinned = openEncoder('zstd', level, long.length);
    for (const size of [0, 1, 1000, 16_385, 131_073, program.length, long.length]) {
      const raw = long.subarray(0, size);
      if (!Buffer.from(native(raw)).equals(pinned(raw))) differing.push({ level, size });
      compared++;
    }
  }
  console.log(JSON.stringify({ differing, compared }));
`;

test('the sample has the checksums of the encoder in encoders/ at every level', () => {
  const checksums: string[] = [];
  for (let level = 1; level <= 19; level++)
    checksums.push(sampleChecksum(openEncoder('zstd', level, 2 ** 20)));
  assert.deepEqual(SAMPLE_CHECKSUMS, checksums);
});

suite('zstd of Node', () => {
  for (const major of [22, 24]) {
    const node = join(repoRoot, '.peers', `node-${major}`, 'bin', 'node');
    test(`gives the bytes of the encoder in encoders/ at every level, Node ${major}`, needsNode(node), () => {
      const printed = execFileSync(node, ['--input-type=module', '--eval', compareAllLevels], {
        encoding: 'utf8',
      });
      assert.deepEqual(JSON.parse(printed), { differing: [], compared: 19 * 7 });
    });
  }
});
