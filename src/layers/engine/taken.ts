/** The output of a compressor without the room that it did not need, which would be carried to another thread with it. */
export function taken(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength >= bytes.buffer.byteLength / 2) return bytes;
  const copy = new Uint8Array(bytes);
  free(bytes);
  return copy;
}

/** It takes over what it is sent, and being closed, drops it. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** Frees what is not used any more at once: left to the garbage collector it takes tens of megabytes, and many collections. */
export function free({ buffer }: Uint8Array<ArrayBuffer>): void {
  // Small outputs lie in the buffer that Node shares out.
  if (buffer.byteLength > Buffer.poolSize) nowhere.postMessage(undefined, [buffer]);
}
