import type { ProgressEvent } from '../../verbs/progress.ts';
import { formatDuration } from '../format.ts';
import { safeText } from '../safe-text.ts';

type Wait = Extract<ProgressEvent, { type: 'wait' }>;

/** Until another line: half-way through a wait of unknown length people want to know that it goes on. Milliseconds. */
const SILENCE = 60_000;

/** Whom the work waits for. All layers that are on their way to a registry wait for it together: that is told once. */
export class Waits {
  /** By registry. */
  readonly #told = new Map<string, { event: Wait; until: number }>();

  waiting(event: Wait, now: number): void {
    const { destination, longest = SILENCE } = event;
    const told = this.#told.get(destination);
    if (told === undefined || told.until <= now)
      this.#told.set(destination, { event, until: now + Math.max(longest, event.milliseconds) });
  }

  /** Something has arrived at `place`, such as `ghcr.io/x/demo`: when its registry fails again, that is news. */
  arrived(place: string): void {
    this.#told.delete(place.split('/', 1)[0]!);
  }

  /** What an event that was taken in says; undefined if its registry is known to be waited for. */
  line(event: Wait): string | undefined {
    if (this.#told.get(event.destination)?.event !== event) return undefined;
    const { milliseconds, reason, longest } = event;
    const goesOn = longest === undefined ? '' : `; trying again for up to ${formatDuration(longest)}`;
    return `waiting ${formatDuration(milliseconds)}: ${safeText(reason)}${goesOn}`;
  }
}
