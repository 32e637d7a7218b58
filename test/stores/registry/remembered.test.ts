import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Checkpoint } from '../../../src/base/checkpoint.ts';
import { NixpushError } from '../../../src/base/errors.ts';
import type { BlobId, BlobSource } from '../../../src/stores/image-store.ts';
import { RegistryClient } from '../../../src/stores/registry/client.ts';
import { RegistryStore } from '../../../src/stores/registry/registry-store.ts';
import { hintsFor } from '../../../src/stores/registry/upload/registry-hints.ts';
import type { UploadPolicy } from '../../../src/stores/registry/upload/upload-task.ts';
import {
  personalities,
  startFaultRegistry,
  type FaultRegistry,
  type RegistryQuirks,
} from '../../../src/testing/index.ts';
import { FastClock, REPOSITORY, SMALL_UPLOADS } from '../../support/fault-registry.ts';
import { madeBytes, MadeSource } from '../../support/made-source.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const BIG = madeBytes(300_000);
const DAY_MS = 24 * 3_600_000;

/** A registry, and a directory in which processes remember what they found out about it. */
class Memory {
  readonly registry: FaultRegistry;
  readonly directory: string;
  readonly clock: FastClock = new FastClock();
  readonly #t: TestContext;

  private constructor(t: TestContext, registry: FaultRegistry) {
    this.#t = t;
    this.registry = registry;
    this.directory = join(temporaryDirectory(t), 'nixpush');
  }

  static async make(t: TestContext, quirks: RegistryQuirks = {}): Promise<Memory> {
    const registry = await startFaultRegistry(quirks);
    t.after(() => registry.stop());
    return new Memory(t, registry);
  }

  /** What a new process would open. */
  open(uploads: Partial<UploadPolicy> = {}): { store: RegistryStore; client: RegistryClient } {
    const { clock } = this;
    const client = new RegistryClient({ host: this.registry.host, clock });
    const store = new RegistryStore({
      client,
      repository: REPOSITORY,
      uploads: { ...SMALL_UPLOADS, clock, ...uploads },
      cacheDirectory: this.directory,
    });
    this.#t.after(() => store.close());
    return { store, client };
  }

  /** Ends a push as SIGKILL does: nothing more is said to the registry, nothing tidied up. */
  async kill(source: BlobSource, whenReceived: number, whenAcknowledged = 0): Promise<void> {
    const { store, client } = this.open();
    const push = store.putBlob(source).catch((error: unknown) => error);
    while (this.received < whenReceived || this.acknowledged < whenAcknowledged)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await client.close();
    assert.ok((await push) instanceof NixpushError);
    this.registry.requests.length = 0;
  }

  /** Bytes of bodies that arrived. */
  get received(): number {
    return this.registry.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes that the push knows to be there. */
  get acknowledged(): number {
    const [file] = this.sessions;
    if (file === undefined) return -1;
    return (JSON.parse(readFileSync(file, 'utf8')) as { acknowledged: number }).acknowledged;
  }

  /** The ranges of the PATCHes that arrived; `stream` where there was none. */
  get ranges(): string[] {
    return this.registry.requests
      .filter(({ operation }) => operation === 'upload-patch')
      .map(({ headers }) => String(headers['content-range'] ?? 'stream'));
  }

  blob({ digest }: BlobId): Buffer | undefined {
    return this.registry.repository(REPOSITORY).blobs.get(digest);
  }

  get sessions(): string[] {
    const directory = join(this.directory, 'uploads');
    return existsSync(directory)
      ? readdirSync(directory)
          .filter((name) => !name.endsWith('.tmp'))
          .map((name) => join(directory, name))
      : [];
  }
}

/** A layer that is made for the first time: its recipe is known, its digest is not. Waits at `pause` if there is one. */
class KeyedSource extends MadeSource {
  readonly key = 'a recipe';
  readonly made: number;

  constructor(bytes: Buffer, { made = 100_000, pause = Number.POSITIVE_INFINITY } = {}) {
    const onPiece = async (offset: number): Promise<void> => {
      if (offset >= pause) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    super(bytes, { onPiece });
    this.made = made;
  }

  get checkpoint(): Checkpoint {
    return { offset: this.made, hash: this.#hash(this.made) };
  }

  override async *open(
    offset: number,
    _signal?: AbortSignal,
    earlier?: Checkpoint,
  ): AsyncGenerator<Uint8Array, void, void> {
    if (earlier !== undefined && this.#hash(earlier.offset) !== earlier.hash)
      throw new NixpushError('ERR_INTEGRITY', 'layer 1 changed while it was pushed');
    yield* super.open(offset);
  }

  #hash(length: number): string {
    return createHash('sha256').update(this.bytes.subarray(0, length)).digest('base64');
  }
}

describe('what a push finds out about a registry', () => {
  test('is known to the next one', async (t) => {
    const memory = await Memory.make(t, { unsizedRefused: 411, maxBody: 40_000 });
    await memory.open().store.putBlob(new MadeSource(BIG));
    memory.registry.requests.length = 0;
    await memory.open().store.putBlob(new MadeSource(madeBytes(200_000, 2)));
    assert.deepEqual(memory.ranges.slice(0, 2), ['0-32767', '32768-65535']);
    assert.ok(memory.registry.dialogue().every((line) => !/ 41[13]/.test(line)));
  });

  test('about ranges does not shorten streams', async (t) => {
    const memory = await Memory.make(t, { maxRangedBody: 20_000 });
    await memory.open({ mode: 'chunk' }).store.putBlob(new MadeSource(BIG));
    memory.registry.requests.length = 0;
    await memory.open().store.putBlob(new MadeSource(madeBytes(200_000, 2)));
    assert.deepEqual(memory.ranges, ['stream']);
  });

  test('is that a proxy cuts long bodies: chunks that got through are what the next one begins with', async (t) => {
    const memory = await Memory.make(t, personalities.distribution2);
    memory.registry.fault({ on: 'upload-patch', times: 3, effect: { kind: 'reset', afterBytes: 50_000 } });
    await memory.open().store.putBlob(new MadeSource(BIG));
    assert.deepEqual(memory.ranges.slice(0, 4), ['stream', 'stream', '0-65535', '0-32767']);
    memory.registry.requests.length = 0;
    await memory.open().store.putBlob(new MadeSource(madeBytes(200_000, 2)));
    assert.equal(memory.ranges[0], '0-32767');
    assert.ok(
      memory.registry.requests.every(
        ({ operation, headers }) => operation !== 'upload-patch' || headers['connection'] === 'close',
      ),
    );
  });

  test('is found out anew after seven days', async (t) => {
    const memory = await Memory.make(t, { unsizedRefused: 411 });
    await memory.open().store.putBlob(new MadeSource(BIG));
    await memory.clock.sleep(7 * DAY_MS);
    memory.registry.requests.length = 0;
    await memory.open().store.putBlob(new MadeSource(madeBytes(200_000, 2)));
    assert.equal(memory.ranges[0], 'stream');
  });

  for (const content of ['', '{', '[]', '{"version":2}', '{"version":1,"registries":{"x":null}}', 'null']) {
    test(`is found out anew where the file holds ${JSON.stringify(content)}`, async (t) => {
      const memory = await Memory.make(t, { unsizedRefused: 411 });
      mkdirSync(memory.directory, { recursive: true });
      writeFileSync(join(memory.directory, 'registries.json'), content);
      await memory.open().store.putBlob(new MadeSource(BIG));
      const kept = readFileSync(join(memory.directory, 'registries.json'), 'utf8');
      assert.deepEqual(Object.keys((JSON.parse(kept) as { registries: object }).registries), [
        memory.registry.host,
      ]);
    });
  }

  test('that makes no sense is not believed', async (t) => {
    const memory = await Memory.make(t);
    const facts = { refused: ['stream', 'x'], tooLarge: -1, gotThrough: 'y', chunkMin: 1e99 };
    const registries = { [memory.registry.host]: { learned: memory.clock.now(), facts } };
    mkdirSync(memory.directory, { recursive: true });
    writeFileSync(join(memory.directory, 'registries.json'), JSON.stringify({ version: 1, registries }));
    await memory.open().store.putBlob(new MadeSource(BIG));
    assert.equal(memory.ranges[0], '0-65535');
  });

  test('takes no room without end', async (t) => {
    const memory = await Memory.make(t, { unsizedRefused: 411 });
    const entry = { learned: memory.clock.now(), facts: { refused: ['chunk'] } };
    const registries = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`host${at}`, entry]));
    mkdirSync(memory.directory, { recursive: true });
    const file = join(memory.directory, 'registries.json');
    writeFileSync(file, JSON.stringify({ version: 1, registries }));
    await memory.open().store.putBlob(new MadeSource(BIG));
    const kept = Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { registries: object }).registries);
    assert.equal(kept.length, 200);
    assert.equal(kept.at(-1), memory.registry.host);
    assert.equal(kept[0], 'host301');
  });

  test('begins with hints for registries that people use', () => {
    const MIB = 2 ** 20;
    assert.deepEqual(hintsFor('ghcr.io', 'nginx'), { rangeTooLarge: 4 * MIB + 1 });
    assert.deepEqual(hintsFor('1.dkr.ecr.eu-west-1.amazonaws.com', 'nginx'), { chunkMin: 5 * MIB });
    for (const host of ['public.ecr.aws', 'gcr.io', 'eu.gcr.io', 'europe-docker.pkg.dev'])
      assert.deepEqual(hintsFor(host, 'nginx'), { refused: ['chunk'] }, host);
    for (const host of ['localhost:5000', 'notgcr.io', 'ghcr.io.example.com'])
      assert.deepEqual(hintsFor(host, 'nginx'), {}, host);
    assert.deepEqual(hintsFor('nexus.example.com', 'Nexus/3.68.1-02 (OSS)'), { parallelBlobs: 1 });
  });
});

describe('an upload whose process was killed', () => {
  for (const name of ['distribution3', 'quay'] as const) {
    test(`goes on at a registry like ${name} from the byte that is there`, async (t) => {
      const memory = await Memory.make(t, personalities[name]);
      await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
      const source = new KeyedSource(BIG);
      const { sentBytes } = await memory.open().store.putBlob(source);
      assert.deepEqual(memory.blob(source.expected), BIG);
      assert.ok(sentBytes <= BIG.length - 139_999, `${sentBytes} bytes were sent`);
      assert.deepEqual(memory.registry.dialogue().slice(0, 2), ['GET 204', 'PATCH 202']);
      assert.deepEqual(memory.sessions, []);
    });
  }

  test('goes on between chunks where that is all the registry can', async (t) => {
    const memory = await Memory.make(t, { ...personalities.distribution2, maxChunk: 50_000 });
    const stalled = new KeyedSource(BIG, { pause: 160_000 });
    await memory.kill(stalled, 150_000, 150_000);
    const source = new KeyedSource(BIG);
    await memory.open().store.putBlob(source);
    assert.equal(memory.ranges[0], '150000-199999');
    assert.deepEqual(memory.blob(source.expected), BIG);
  });

  test('goes on from what was acknowledged where the registry tells nothing', async (t) => {
    const quirks = { ...personalities.ecr, minChunk: 10_000, unsizedRefused: 411 } as const;
    const memory = await Memory.make(t, quirks);
    await memory.kill(new KeyedSource(BIG, { pause: 140_000 }), 131_072, 131_072);
    const source = new KeyedSource(BIG);
    await memory.open().store.putBlob(source);
    assert.equal(memory.ranges[0], '131072-196607');
    assert.deepEqual(memory.blob(source.expected), BIG);
  });

  test('begins anew where the session is lost', async (t) => {
    const memory = await Memory.make(t, personalities.distribution2);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    const source = new KeyedSource(BIG);
    await memory.open().store.putBlob(source);
    assert.deepEqual(memory.ranges, ['stream']);
    assert.deepEqual(memory.blob(source.expected), BIG);
    assert.deepEqual(memory.sessions, []);
  });

  test('begins anew if the bytes are others now', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    const source = new KeyedSource(madeBytes(BIG.length, 9));
    await memory.open().store.putBlob(source);
    assert.deepEqual(memory.ranges, ['stream']);
    assert.deepEqual(memory.blob(source.expected), source.bytes);
    assert.equal(memory.registry.repository(REPOSITORY).sessions.size, 0);
  });

  test('of which only the end was not the same is refused by the registry and sent anew', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    const changed = Buffer.from(BIG);
    changed[120_000]! ^= 1;
    const source = new KeyedSource(changed);
    await memory.open().store.putBlob(source);
    assert.equal(memory.ranges.at(-1), 'stream');
    assert.deepEqual(memory.blob(source.expected), changed);
  });

  test('is known by its digest where that is known', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    const onPiece = async (offset: number): Promise<void> => {
      if (offset >= 150_000) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await memory.kill(new MadeSource(BIG, { known: true, onPiece }), 140_000);
    const source = new MadeSource(BIG, { known: true });
    const { sentBytes } = await memory.open().store.putBlob(source);
    assert.ok(sentBytes <= BIG.length - 140_000);
    assert.deepEqual(memory.blob(source.expected), BIG);
  });

  test('is not gone on with after twelve hours', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    await memory.clock.sleep(DAY_MS / 2);
    await memory.open().store.putBlob(new KeyedSource(BIG));
    assert.deepEqual(memory.ranges, ['stream']);
  });

  for (const content of ['', 'null', '{"version":1}', '{"version":1,"location":"http://x/","pid":"y"}']) {
    test(`begins anew where the file holds ${JSON.stringify(content)}`, async (t) => {
      const memory = await Memory.make(t, personalities.distribution3);
      await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
      writeFileSync(memory.sessions[0]!, content);
      const source = new KeyedSource(BIG);
      await memory.open().store.putBlob(source);
      assert.deepEqual(memory.ranges, ['stream']);
      assert.deepEqual(memory.blob(source.expected), BIG);
    });
  }

  test('leaves a file that only its user can read', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    assert.equal(memory.sessions.length, 1);
    assert.equal(statSync(memory.sessions[0]!).mode & 0o777, 0o600);
    assert.equal(statSync(join(memory.directory, 'uploads')).mode & 0o777, 0o700);
  });
});

describe('an upload of a process that runs', () => {
  /** As if another process had written the file of the killed upload. */
  function rewrite(memory: Memory, change: object): void {
    const [file] = memory.sessions;
    const saved = JSON.parse(readFileSync(file!, 'utf8')) as object;
    writeFileSync(file!, JSON.stringify({ ...saved, ...change }));
  }

  test('is left alone by another, which sends the blob by itself', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    rewrite(memory, { pid: process.ppid });
    const before = readFileSync(memory.sessions[0]!, 'utf8');
    await memory.open().store.putBlob(new KeyedSource(BIG));
    assert.deepEqual(memory.ranges, ['stream']);
    assert.equal(readFileSync(memory.sessions[0]!, 'utf8'), before);
  });

  test('is gone on with once that process is gone', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    rewrite(memory, { pid: spawnSync('true').pid });
    await memory.open().store.putBlob(new KeyedSource(BIG));
    assert.equal(memory.registry.dialogue()[0], 'GET 204');
  });

  test('on another machine is gone on with once that one has been silent for five minutes', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.kill(new KeyedSource(BIG, { pause: 150_000 }), 140_000);
    rewrite(memory, { scope: 'another machine' });
    await memory.clock.sleep(6 * 60_000);
    await memory.open().store.putBlob(new KeyedSource(BIG));
    assert.equal(memory.registry.dialogue()[0], 'GET 204');
  });

  test('is not noted any more once it has ended, well or badly', async (t) => {
    const memory = await Memory.make(t, personalities.distribution3);
    await memory.open().store.putBlob(new KeyedSource(BIG));
    assert.deepEqual(memory.sessions, []);
    memory.registry.fault({ on: 'upload-patch', effect: { kind: 'answer', status: 403 } });
    const other = new KeyedSource(madeBytes(200_000, 3));
    await assert.rejects(memory.open().store.putBlob(other), { code: 'ERR_DENIED' });
    assert.deepEqual(memory.sessions, []);
    assert.equal(memory.registry.repository(REPOSITORY).sessions.size, 0);
  });
});

describe('a mode that the user chose', () => {
  for (const [mode, wanted] of [
    ['stream', ['stream']],
    ['chunk', ['0-65535', '65536-131071', '131072-196607', '196608-262143', '262144-299999']],
    ['monolithic', []],
  ] as const) {
    test(`${mode} is the one that is used`, async (t) => {
      const memory = await Memory.make(t);
      const source = new MadeSource(BIG);
      await memory.open({ mode }).store.putBlob(source);
      assert.deepEqual(memory.ranges, wanted);
      assert.deepEqual(memory.blob(source.expected), BIG);
    });
  }

  test('and that is refused is an error, no reason for another', async (t) => {
    const memory = await Memory.make(t, { unsizedRefused: 411 });
    const push = memory.open({ mode: 'stream' }).store.putBlob(new MadeSource(BIG));
    await assert.rejects(push, { status: 411 });
    assert.equal(memory.ranges.length, 1);
  });
});
