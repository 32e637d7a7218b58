import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What encoders/*.c export. */
interface Encoder {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Where a block of up to `size` bytes has to lie, or 0. */
  open(level: number, size: number): number;
  output(): number;
  /** Bytes of output, or 0. */
  compress(size: number): number;
}

/** As much of it as is used here: Node has it, the types of Node do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/**
 * An encoder of encoders/: the same bytes on every machine. The function it gives compresses a block of up to
 * `blockSize` bytes; what that gives lies in the encoder's memory, until the next call.
 */
export function openEncoder(
  name: 'deflate' | 'zstd',
  level: number,
  blockSize: number,
): (raw: Uint8Array) => Uint8Array {
  const file = createRequire(import.meta.url).resolve(`#encoders/${name}.wasm`);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));
  const encoder = instance.exports as Encoder;
  const input = encoder.open(level, blockSize);
  if (input === 0) throw new Error(`${name} at level ${level}: no memory for an encoder`);
  const output = encoder.output();
  return (raw) => {
    new Uint8Array(encoder.memory.buffer, input, blockSize).set(raw);
    const length = encoder.compress(raw.byteLength);
    if (length === 0) throw new Error(`${name} at level ${level}: no memory to compress a block`);
    return new Uint8Array(encoder.memory.buffer, output, length);
  };
}
