/** What a registry says it will still answer. */
export interface RateBudget {
  /** Requests in one window. */
  readonly limit: number | undefined;
  /** Requests that are left. */
  readonly remaining: number;
  /** After how long all of them are to be had again, milliseconds. */
  readonly windowMs: number;
}

/**
 * Docker Hub's `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`, also with `x-` in front, or with
 * the window's rest in `ratelimit-reset`, seconds (draft-ietf-httpapi-ratelimit-headers-05). Undefined where the answer says less.
 */
export function rateBudget(headers: Readonly<Record<string, string | undefined>>): RateBudget | undefined {
  const header = (name: string): string | undefined =>
    headers[`ratelimit-${name}`] ?? headers[`x-ratelimit-${name}`];
  const remaining = leadingNumber(header('remaining'));
  const window = /;\s*w=(\d{1,9})/.exec(`${header('remaining')} ${header('limit')}`)?.[1] ?? header('reset');
  const seconds = leadingNumber(window);
  if (remaining === undefined || seconds === undefined || seconds > LONGEST_WINDOW) return undefined;
  return { limit: leadingNumber(header('limit')), remaining, windowMs: seconds * 1000 };
}

/** Some write the moment instead, in seconds since 1970: without a clock that can be trusted it says nothing. */
const LONGEST_WINDOW = 31 * 24 * 3600;

function leadingNumber(text: string | undefined): number | undefined {
  const match = /^\s*(\d{1,15})/.exec(text ?? '');
  return match === null ? undefined : Number(match[1]);
}
