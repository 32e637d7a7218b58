import { setImmediate } from 'node:timers/promises';

/** Long work that yields wherever it may be interrupted, and returns its result. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Milliseconds. */
const SLICE = 8;

export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** As atOnce, but the event loop turns before, after and now and then: timers, connections and the display need not wait. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    await setImmediate();
    const end = performance.now() + SLICE;
    let step: IteratorResult<undefined, T>;
    do step = steps.next();
    while (step.done !== true && performance.now() < end);
    if (step.done !== true) continue;
    await setImmediate();
    return step.value;
  }
}

/** Calls `visit` for each item, a step each. */
export function* stepwise<T>(items: Iterable<T>, visit: (item: T) => void): Steps<void> {
  for (const item of items) {
    visit(item);
    yield;
  }
}
