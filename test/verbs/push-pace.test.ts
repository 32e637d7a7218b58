import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { push, type ProgressEvent, type PushOptions } from '../../src/index.ts';
import { startFaultRegistry } from '../../src/testing/index.ts';
import { StoreBuilder } from '../support/store-builder.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Test = { after(fn: () => void): void };

/** Options that push twelve layers, some larger than what is kept for a destination that lags. */
function twelveLayers(t: Test): Omit<PushOptions, 'to'> {
  const directory = temporaryDirectory(t);
  const store = new StoreBuilder(directory);
  const files = Array.from({ length: 12 }, (_, n) =>
    store.add(`library-${n}`, { data: new Uint8Array(n < 6 ? 10_000_000 : 100_000).fill(n) }),
  );
  const closure = join(directory, 'closure.json');
  writeFileSync(closure, JSON.stringify(files.map((file) => ({ ...file, references: [] }))));
  const paths = files.map(({ path }) => path);
  return { paths, store: directory, closure, noLinks: true, noCache: true, compression: 'none' };
}

/** A way to `host` on which nothing goes out after so many bytes, until `open` is called. */
async function barrier(
  t: Test,
  host: string,
  afterBytes: number,
): Promise<{ host: string; open: () => void }> {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let passed = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(host.split(':')[1]), '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    upstream.pipe(client);
    void (async () => {
      for await (const chunk of client as AsyncIterable<Buffer>) {
        if (passed >= afterBytes) await opened;
        passed += chunk.byteLength;
        upstream.write(chunk);
      }
      upstream.end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, open };
}

suite('a push to two registries', () => {
  for (const [what, afterBytes] of [
    ['before it answers anything', 0],
    ['in the middle of layers', 5_000_000],
  ] as const) {
    test(`of which one stalls ${what}: the other has the image, then the first gets it too`, async (t) => {
      const [good, slow] = await Promise.all([startFaultRegistry(), startFaultRegistry()]);
      t.after(() => void Promise.all([good.stop(), slow.stop()]));
      const { host, open } = await barrier(t, slow.host, afterBytes);
      const done: string[] = [];
      const onProgress = (event: ProgressEvent): void => {
        if (event.type !== 'destination-done') return;
        done.push(event.destination);
        open();
      };
      const to = [`${host}/x/app:v1`, `${good.host}/x/app:v1`];
      const result = await push({ ...twelveLayers(t), to, onProgress });
      assert.deepEqual(done, [`${good.host}/x/app`, `${host}/x/app`]);
      assert.deepEqual(
        result.destinations.map(({ error, tags }) => ({ error, tags })),
        [
          { error: undefined, tags: ['v1'] },
          { error: undefined, tags: ['v1'] },
        ],
      );
      const held = [good, slow].map((each) => [...each.repository('x/app').blobs.keys()].sort());
      assert.equal(held[0]!.length, 13);
      assert.deepEqual(held[1], held[0]);
    });
  }
});
