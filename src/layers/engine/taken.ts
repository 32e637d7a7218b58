/** `ArrayBuffer.prototype.transfer`, from Node 22 on. */
interface Transferable extends ArrayBuffer {
  transfer?: (newByteLength: number) => ArrayBuffer;
}

/** The output of a compressor without the room that it did not need, which would be carried to another thread with it. */
export function taken(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength >= bytes.buffer.byteLength / 2) return bytes;
  const copy = new Uint8Array(bytes);
  free(bytes);
  return copy;
}

/** Frees what is not used any more at once: left to the garbage collector it takes tens of megabytes, and many collections. */
export function free({ buffer }: Uint8Array<ArrayBuffer>): void {
  const whole: Transferable = buffer;
  // Small outputs lie in the buffer that Node shares out.
  if (whole.byteLength > Buffer.poolSize) whole.transfer?.(0);
}
