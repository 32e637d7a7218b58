import { NixpushError } from '../../base/errors.ts';
import { isTransientNetworkError } from './network-error.ts';

/** Statuses after which the same request may well succeed (research: error classes). 501 and 505 will not change. */
export function isTransientStatus(status: number): boolean {
  if ([408, 425, 429, 499].includes(status)) return true;
  return status >= 500 && status !== 501 && status !== 505;
}

/** Whether the same attempt may succeed later: a connection that broke, or a status of the kind above. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof NixpushError)) return false;
  if (error.status !== undefined) return isTransientStatus(error.status);
  return error.code === 'ERR_NETWORK' && isTransientNetworkError(error.cause);
}

/** Milliseconds of a `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3); undefined if it is neither. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Full jitter: anything from nothing to 0.5 s · 2^attempt, at most 60 s. `attempt` counts from 0. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(60_000, 500 * 2 ** attempt));
}
