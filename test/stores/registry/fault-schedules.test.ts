import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/digest.ts';
import { NixpushError } from '../../../src/base/errors.ts';
import { makeManifest } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_LAYER } from '../../../src/image/media-types.ts';
import type { BlobSource } from '../../../src/stores/image-store.ts';
import type { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import {
  personalities,
  startFaultRegistry,
  type Fault,
  type FaultEffect,
  type FaultRegistry,
  type Operation,
  type RegistryQuirks,
} from '../../../src/testing/index.ts';
import { REPOSITORY, storeAt } from '../../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../../support/made-source.ts';

/** How many schedules are played; each has its number as seed, so that a failing one can be played alone. */
const SCHEDULES = Number(process.env['NIXPUSH_FAULT_SCHEDULES'] ?? 150);
const FIRST = Number(process.env['NIXPUSH_FAULT_SEED'] ?? 1);

/** Small fast generator of good enough numbers (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Schedule {
  readonly quirks: RegistryQuirks;
  readonly faults: readonly Fault[];
  readonly layers: readonly Buffer[];
  readonly known: boolean;
}

function schedule(seed: number): Schedule {
  const next = random(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(...from: readonly T[]): T => from[below(from.length)]!;
  const maybe = <T>(value: T, otherwise: T): T => (next() < 0.15 ? value : otherwise);

  const effect = (): FaultEffect => {
    // Borders of chunks and pieces, and one byte to each side, are where clients go wrong.
    const afterBytes = Math.max(
      0,
      pick(below(200_000), pick(0, 1, 4096, 8192, 65_536, 131_072) + pick(-1, 0, 1)),
    );
    const status = pick(400, 401, 403, 404, 408, 413, 416, 429, 500, 502, 503, 504);
    const code = pick(
      'UNKNOWN',
      'BLOB_UPLOAD_INVALID',
      'BLOB_UPLOAD_UNKNOWN',
      'DIGEST_INVALID',
      'SIZE_INVALID',
    );
    const headers: Record<string, string> = next() < 0.3 ? { 'retry-after': String(below(5)) } : {};
    return pick<FaultEffect>(
      { kind: 'reset', afterBytes },
      { kind: 'reset', afterBytes },
      { kind: 'lose-answer' },
      { kind: 'stall', afterBytes },
      { kind: 'answer', status, code, headers },
    );
  };
  const fault = (): Fault => {
    const on = pick<Operation>(
      'upload-patch',
      'upload-patch',
      'upload-patch',
      'upload-put',
      'upload-start',
      'upload-status',
      'upload-delete',
      'blob-head',
      'manifest-put',
    );
    const chosen = effect();
    // Only uploads give up on a silent registry as soon as this test wants it.
    const stallable = on.startsWith('upload-');
    return {
      on,
      nth: 1 + below(5),
      times: 1 + below(3),
      effect: chosen.kind === 'stall' && !stallable ? { kind: 'lose-answer' } : chosen,
    };
  };

  const quirks: RegistryQuirks = {
    ...personalities[pick(...(Object.keys(personalities) as (keyof typeof personalities)[]))],
    ...maybe<RegistryQuirks>({ location: pick('relative', 'none') }, {}),
    ...maybe<RegistryQuirks>({ contentRange: pick('ignore', 'overlap', 'validate') }, {}),
    ...maybe<RegistryQuirks>({ range: pick('stuck', 'one-too-many', 'last-chunk', 'none') }, {}),
    ...maybe<RegistryQuirks>({ unsizedRefused: pick(400, 411) }, {}),
    ...maybe<RegistryQuirks>({ maxBody: 5000 + below(100_000) }, {}),
    ...maybe<RegistryQuirks>({ auth: { kind: 'bearer', uses: 2 + below(5) } }, {}),
    ...maybe<RegistryQuirks>({ digestHeader: pick('missing', 'wrong') }, {}),
  };
  return {
    quirks,
    faults: Array.from({ length: below(7) }, fault),
    layers: [madeBytes(below(250_000), seed), madeBytes(below(30_000), -seed)],
    known: next() < 0.5,
  };
}

async function pushImage(store: RegistryStore, { layers, known }: Schedule): Promise<void> {
  const config = Buffer.from('{"rootfs":{}}');
  const sources: [string, BlobSource][] = [
    ...layers.map((bytes): [string, BlobSource] => [
      OCI_LAYER,
      new MadeSource(bytes, { known, pieceBytes: 7000 }),
    ]),
    [OCI_CONFIG, new MadeSource(config, { known: true })],
  ];
  const descriptors = [];
  for (const [mediaType, source] of sources) {
    const { digest, size } = await store.putBlob(source);
    descriptors.push({ mediaType, digest, size });
  }
  const manifest = makeManifest({ config: descriptors.pop()!, layers: descriptors });
  await store.putManifest(manifest, ['latest']);
}

/** Every tag must lead to whole and right bytes, however the push ended. */
function checkTags(registry: FaultRegistry, { layers }: Schedule): void {
  const held = registry.repository(REPOSITORY);
  for (const digest of held.tags.values()) {
    const manifest = held.manifests.get(digest);
    assert.ok(manifest !== undefined, 'a tag points at nothing');
    assert.equal(sha256(manifest.bytes), digest);
    for (const bytes of layers) {
      const layer = held.blobs.get(sha256(bytes));
      assert.ok(layer !== undefined && layer.equals(bytes), 'a tagged image has a wrong layer');
    }
  }
}

async function play(seed: number): Promise<'pushed' | 'failed'> {
  const planned = schedule(seed);
  const registry = await startFaultRegistry(planned.quirks);
  const ends: (() => unknown)[] = [];
  const store = storeAt({ after: (end) => void ends.push(end as () => unknown) }, registry.host, {
    stallMs: 50,
    commitMs: 100,
    abortMs: 50,
  });
  for (const fault of planned.faults) registry.fault(fault);
  try {
    await pushImage(store, planned);
    assert.equal(registry.repository(REPOSITORY).tags.size, 1, 'the push ended well without a tag');
    checkTags(registry, planned);
    return 'pushed';
  } catch (error) {
    if (!(error instanceof NixpushError)) throw error;
    checkTags(registry, planned);
    return 'failed';
  } finally {
    for (const end of ends) await end();
    await registry.stop();
  }
}

test(`${SCHEDULES} random schedules of quirks and faults: the image is right, or nothing is tagged`, async (t) => {
  const outcomes = { pushed: 0, failed: 0 };
  let seed = FIRST;
  // Most of the time is spent waiting for stalled connections.
  const player = async (): Promise<void> => {
    while (seed < FIRST + SCHEDULES) {
      const mine = seed++;
      try {
        outcomes[await play(mine)] += 1;
      } catch (error) {
        const again = `NIXPUSH_FAULT_SEED=${mine} NIXPUSH_FAULT_SCHEDULES=1`;
        throw new Error(`schedule ${mine} (${again})`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: 48 }, player));
  t.diagnostic(`${outcomes.pushed} pushed, ${outcomes.failed} failed`);
  assert.ok(SCHEDULES < 50 || outcomes.pushed > SCHEDULES / 2, JSON.stringify(outcomes));
});
