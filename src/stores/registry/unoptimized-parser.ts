import { setFlagsFromString } from 'node:v8';

/** V8's own default. */
const BUDGET = 1_800_000;
const ENDLESS = 1_000_000_000;

/**
 * Does `work`, the process's first requests and perhaps its last. Node 20 optimizes undici's HTTP parser, which is
 * WebAssembly, from the first answer on, and a process that is about to end waits 60 ms for that. A parser that is loaded here
 * stays as it is, which costs little, since bodies pass it by; WebAssembly that is loaded later is optimized as ever.
 */
export async function withUnoptimizedParser<Value>(work: () => Promise<Value>): Promise<Value> {
  if (!process.versions.v8.startsWith('11.3.')) return work();
  setFlagsFromString(`--wasm-tiering-budget=${ENDLESS}`);
  try {
    return await work();
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
  }
}
