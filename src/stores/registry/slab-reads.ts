import type { OnReadOpts, Socket } from 'node:net';

const SLAB_BYTES = 1024 * 1024;
/** What Node reads at most without this. */
const LEAST_BYTES = 64 * 1024;

/**
 * Lets a connection read as much at a time as there is, up to a mebibyte. Node reads 64 KiB at most, each into memory of
 * its own; a copy between registries takes a quarter more processor time that way. For connections without TLS, whose
 * records set the size. Each connection needs its own.
 */
export function slabReads(): OnReadOpts {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;
  return {
    buffer: () => {
      if (SLAB_BYTES - used < LEAST_BYTES) {
        slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
        used = 0;
      }
      return slab.subarray(used);
    },
    // Node calls it on the socket, from which all bytes are read as ever.
    callback(this: Socket, length: number, buffer: Uint8Array): boolean {
      used += length;
      return this.push(buffer.subarray(0, length));
    },
  };
}
