/** What a request is for. */
export type Operation =
  | 'ping'
  | 'token'
  | 'blob-head'
  | 'blob-get'
  | 'upload-start'
  | 'upload-mount'
  | 'upload-patch'
  | 'upload-put'
  | 'upload-status'
  | 'upload-delete'
  | 'manifest-head'
  | 'manifest-get'
  | 'manifest-put'
  | 'manifest-delete'
  | 'tags'
  | 'referrers'
  | 'other';

/** Something that goes wrong once, or `times` times. */
export interface Fault {
  /** The operation it hits; any if left out. */
  readonly on?: Operation;
  /** Hits the nth such request from now on, counted from 1. Default 1. */
  readonly nth?: number;
  /** How many such requests in a row it hits. Default 1. */
  readonly times?: number;
  readonly effect: FaultEffect;
}

export type FaultEffect =
  /** Answered so at once, before the body is read; nothing is stored. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Error code of the distribution-spec for the JSON body. */
      readonly code?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** Instead of the JSON body. */
      readonly body?: string;
    }
  /** The connection is reset after that many bytes of the body (of the answer's, for a GET); those are kept. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing more is read or answered after that many bytes; the connection stays open until the client gives up. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Done as asked, but only when `until` has come. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** Everything is done as asked, but the connection is reset in place of the answer. */
  | { readonly kind: 'lose-answer' };

/** Faults yet to come. */
export class FaultPlan {
  #waiting: { fault: Fault; countdown: number; times: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, countdown: fault.nth ?? 1, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The effect on this request, if any. Every fault counts each request of its operation, one at most takes effect. */
  next(operation: Operation): FaultEffect | undefined {
    let effect: FaultEffect | undefined;
    for (const entry of this.#waiting) {
      if (entry.fault.on !== undefined && entry.fault.on !== operation) continue;
      if (entry.countdown > 1) entry.countdown -= 1;
      else if (effect === undefined) {
        effect = entry.fault.effect;
        entry.times -= 1;
      }
    }
    this.#waiting = this.#waiting.filter((entry) => entry.times > 0);
    return effect;
  }
}
