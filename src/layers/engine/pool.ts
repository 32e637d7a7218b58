import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { NixpushError } from '../../base/errors.ts';
import { BlockBuffers } from './block-buffers.ts';
import type { Job, JobResults, PlainError, Reply } from './protocol.ts';

interface QueuedJob {
  readonly job: Job;
  readonly transfer: ArrayBuffer[];
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Worker threads and their jobs. Reading is done by the worker that has the layer open, and goes first, because it
 * makes work for the others; a pass reads ahead by a few blocks only. Compressing is done by whoever is free. So one
 * large layer keeps all cores busy as well as many small ones do.
 */
export class WorkerPool {
  readonly size: number;
  readonly buffers: BlockBuffers = new BlockBuffers();
  readonly #members: PoolMember[] = [];
  readonly #shared: QueuedJob[] = [];
  #streams = 0;
  #closed = false;

  constructor(size: number = availableParallelism()) {
    this.size = size;
  }

  /** Counts one more stream of blocks that shares the workers; the function it gives ends that. */
  join(): () => void {
    this.#streams++;
    return () => {
      this.#streams--;
    };
  }

  /**
   * How many blocks a stream may have in work or done and not yet taken, beside the one that is read and the one that is
   * sent. A stream alone keeps all workers busy; many share that, so that memory grows with the workers and not with the
   * streams. Each has some of its own: one that nobody takes blocks from holds up no other.
   */
  get window(): number {
    return Math.max(1, Math.floor((2 * this.size + 2) / Math.max(1, this.#streams)));
  }

  /** Gives a block's buffer back, if it is one of the pool's. */
  takeBack({ buffer }: Uint8Array): void {
    if (buffer instanceof SharedArrayBuffer) this.buffers.give(buffer);
  }

  /**
   * A worker for the jobs of one pass: of those that read the one with the fewest passes. Half of them read, which is
   * enough, as compressing takes longer: V8 compiles what is used much for each thread anew.
   */
  assign(): PoolMember {
    const readers = Math.ceil(this.size / 2);
    let best = this.#members.slice(0, readers).toSorted((a, b) => a.passes - b.passes)[0];
    if (best === undefined || (best.passes > 0 && this.#members.length < readers)) best = this.#start();
    best.passes++;
    return best;
  }

  release(member: PoolMember): void {
    member.passes--;
  }

  /** Runs a job on `member`, or on any. `transfer` are buffers that change hands. */
  async run<Kind extends Job['kind']>(
    job: Extract<Job, { kind: Kind }>,
    member?: PoolMember,
    transfer: ArrayBuffer[] = [],
  ): Promise<JobResults[Kind]> {
    if (this.#closed) throw new NixpushError('ERR_ABORTED', 'stopped');
    if (this.#members.length < this.size && this.#members.every((each) => each.busy)) this.#start();
    return new Promise((resolve, reject) => {
      (member?.queue ?? this.#shared).push({ job, transfer, resolve, reject });
      this.#dispatch();
    });
  }

  /** Stops the threads; jobs not done fail with ERR_ABORTED. */
  async close(): Promise<void> {
    this.#closed = true;
    const stopped = new NixpushError('ERR_ABORTED', 'stopped');
    for (const { reject } of this.#shared.splice(0)) reject(stopped);
    await Promise.all(this.#members.map((member) => member.terminate(stopped)));
  }

  #start(): PoolMember {
    const member = new PoolMember(() => {
      this.#dispatch();
    });
    this.#members.push(member);
    return member;
  }

  #dispatch(): void {
    for (const member of this.#members) {
      if (member.busy) continue;
      const next = member.queue.shift() ?? this.#shared.shift();
      if (next !== undefined) member.post(next);
    }
  }
}

/** What a block leaves behind is large and short-lived: with little room for the young, V8 frees it soon. */
const YOUNG_AND_SMALL = { maxYoungGenerationSizeMb: 1 };

/** One worker thread, which does one job at a time. */
export class PoolMember {
  readonly queue: QueuedJob[] = [];
  passes = 0;
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: YOUNG_AND_SMALL });
  #current: QueuedJob | undefined;

  constructor(onIdle: () => void) {
    this.#worker.on('message', (reply: Reply) => {
      const { resolve, reject } = this.#current!;
      this.#current = undefined;
      if ('error' in reply) reject(revive(reply.error));
      else resolve(reply.result as never);
      onIdle();
    });
    this.#worker.on('error', (error) => {
      this.#fail(error);
    });
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  post(next: QueuedJob): void {
    this.#current = next;
    this.#worker.postMessage(next.job, next.transfer);
  }

  async terminate(reason: NixpushError): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
  }

  #fail(error: unknown): void {
    const jobs =
      this.#current === undefined ? this.queue.splice(0) : [this.#current, ...this.queue.splice(0)];
    for (const { reject } of jobs) reject(error);
  }
}

function revive({ code, message, stack, context }: PlainError): Error {
  const error = code === undefined ? new Error(message) : new NixpushError(code, message, context);
  if (stack !== undefined) error.stack = stack;
  return error;
}
