import type { ProgressEvent } from '../../verbs/progress.ts';
import { formatDuration } from '../format.ts';
import { safeText } from '../safe-text.ts';

type Wait = Extract<ProgressEvent, { type: 'wait' }>;

/** No more than this lies between two waits for a registry that stays away: a try may take a minute to fail. Milliseconds. */
const LONGEST_TRY = 2 * 60_000;

/** Whom the work waits for. However many layers wait for a registry, one after another too, that is told once. */
export class Waits {
  /** By registry. */
  readonly #told = new Map<string, { readonly event: Wait; until: number }>();

  waiting(event: Wait, now: number): void {
    const { destination, milliseconds } = event;
    const told = this.#told.get(destination);
    const until = now + milliseconds + LONGEST_TRY;
    if (told === undefined || told.until <= now) this.#told.set(destination, { event, until });
    else told.until = Math.max(told.until, until);
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
