import type { Clock } from '../../src/stores/registry/clock.ts';

export interface FakeClock extends Clock {
  /** What was slept, milliseconds each. */
  readonly slept: number[];
  advance(milliseconds: number): void;
}

/** A clock that sleeps in no time; chance always gives the middle. */
export function fakeClock(startAt: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startAt;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    random: () => 0.5,
    async sleep(milliseconds) {
      slept.push(milliseconds);
      now += milliseconds;
    },
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
