import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { slabReads } from '../../../src/stores/registry/slab-reads.ts';

describe('reading into slabs', () => {
  const bytes = randomBytes(5 * 2 ** 20 + 12_345);
  const server = createServer((socket) => socket.end(bytes));
  let port: number;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => server.close());

  const read = async (): Promise<Buffer> => {
    const kept: Uint8Array[] = [];
    for await (const piece of connect({ host: '127.0.0.1', port, onread: slabReads() }))
      kept.push(piece as Uint8Array);
    return Buffer.concat(kept);
  };

  it('gives all bytes, and none of a piece that is kept is written over', async () => {
    assert.equal(Buffer.compare(await read(), bytes), 0);
  });

  it('keeps connections side by side apart', async () => {
    for (const all of await Promise.all([read(), read(), read()])) {
      assert.equal(Buffer.compare(all, bytes), 0);
    }
  });
});
