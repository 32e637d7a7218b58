/** `ArrayBuffer.prototype.transfer`, from Node 22 on. */
interface Transferable extends ArrayBuffer {
  transfer?: (newByteLength: number) => ArrayBuffer;
}

/**
 * The output of a compressor without the room that it did not need, which would be kept, and carried to another thread,
 * with it. That room is freed at once: left to the garbage collector it takes tens of megabytes, and many collections.
 */
export function taken(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole: Transferable = bytes.buffer;
  if (bytes.byteLength >= whole.byteLength / 2) return bytes;
  const copy = new Uint8Array(bytes);
  // Small outputs lie in the buffer that Node shares out.
  if (whole.byteLength > Buffer.poolSize) whole.transfer?.(0);
  return copy;
}
