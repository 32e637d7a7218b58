import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import { parseCodec } from '../../src/layers/codec.ts';
import { blockCompressor, codecHeader, codecTrailer } from '../../src/layers/engine/compress.ts';
import { needs, needsNode } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';

const { blockSize } = parseCodec('gzip');
const levels = Array.from({ length: 12 }, (_, n) => n + 1);

/** Blocks that differ in what can be made of them: text, numbers, zeros, noise, next to nothing, nothing. */
function samples(): Uint8Array[] {
  const numbers = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * n).toString(36)).join(' '));
  const text = Buffer.from('all work and no play makes jack a dull boy\n'.repeat(25_000)).subarray(
    0,
    blockSize,
  );
  const noise = randomFillSync(new Uint8Array(blockSize));
  const zeros = new Uint8Array(blockSize);
  return [numbers.subarray(0, blockSize), text, noise, zeros, Buffer.from('x'), new Uint8Array(0)];
}

function gzip(level: number, blocks: readonly Uint8Array[]): Buffer {
  const codec = parseCodec(`gzip:${level}`);
  const compress = blockCompressor(codec);
  const raw = Buffer.concat(blocks);
  const body = blocks.map((block) => Buffer.from(compress(block)));
  return Buffer.concat([codecHeader(codec), ...body, codecTrailer(codec, crc32(raw), raw.byteLength)]);
}

suite('gzip in blocks', () => {
  for (const level of levels)
    test(`at level ${level} any blocks one after the other are one member`, () => {
      const blocks = samples();
      assert.deepEqual(gunzipSync(gzip(level, blocks)), Buffer.concat(blocks));
    });

  for (const program of ['gzip', 'pigz', 'python3'])
    test(`is read by ${program}`, needs(program), () => {
      const blocks = samples();
      const script = 'import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))';
      const options = program === 'python3' ? ['-c', script] : ['-dc'];
      const read = execFileSync(program, options, { input: gzip(2, blocks), maxBuffer: 2 ** 24 });
      assert.ok(read.equals(Buffer.concat(blocks)));
    });

  test('takes no more room than the input where nothing can be saved, but for a few bytes in a block', () => {
    const noise = randomFillSync(new Uint8Array(blockSize));
    const written = blockCompressor(parseCodec('gzip'))(noise).byteLength;
    assert.ok(written < blockSize + 1024, String(written));
  });
});

/** Prints the start of the SHA-256 of what that Node's encoders make of some text at each level. */
const printDigests = `
  const { createHash } = await import('node:crypto');
  const { openEncoder } = await import(${JSON.stringify(new URL('../../src/layers/engine/wasm-encoder.js', import.meta.url).href)});
  const raw = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * n).toString(36)).join(' '));
  const digests = {};
  for (const [name, levels] of [['deflate', 12], ['zstd', 19]])
    digests[name] = Array.from({ length: levels }, (_, n) => {
      const compressed = openEncoder(name, n + 1, raw.byteLength)(raw);
      return createHash('sha256').update(compressed).digest('hex').slice(0, 16);
    });
  console.log(JSON.stringify(digests));
`;

suite('the bytes of an encoder are those that were published, at each level', () => {
  // Layer digests depend on them: who changes one changes the release in the codec's id as well.
  const published: unknown = JSON.parse(
    readFileSync(join(repoRoot, 'test', 'fixtures', 'encoders.json'), 'utf8'),
  );
  const nodes = { here: process.execPath, 22: peerNode(22), 24: peerNode(24) };
  for (const [name, node] of Object.entries(nodes))
    test(`Node ${name}`, needsNode(node), () => {
      const printed = execFileSync(node, ['--input-type=module', '--eval', printDigests], {
        encoding: 'utf8',
      });
      assert.deepEqual(JSON.parse(printed), published);
    });
});

function peerNode(major: number): string {
  return join(repoRoot, '.peers', `node-${major}`, 'bin', 'node');
}
