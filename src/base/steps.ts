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

/** As atOnce, but the event loop turns first and now and then: timers, connections and the display do not wait for the end. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    await setImmediate();
    const end = performance.now() + SLICE;
    do {
      const { done, value } = steps.next();
      if (done === true) return value;
    } while (performance.now() < end);
  }
}

/** Calls `visit` for each item, a step each. */
export function* stepwise<T>(items: Iterable<T>, visit: (item: T) => void): Steps<void> {
  for (const item of items) {
    visit(item);
    yield;
  }
}
