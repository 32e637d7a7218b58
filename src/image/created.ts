import { usageError } from '../base/errors.ts';

/** dockerTools' time of everything: one second after the epoch, because some tools take 0 for "unknown". */
export const DEFAULT_CREATED = '1970-01-01T00:00:01Z';

/** Date, then optionally time, then optionally a zone; extended (`2024-01-31T10:00:00Z`) or basic (`20240131T100000Z`). */
const ISO_8601 =
  /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[Tt ]?(\d\d):?(\d\d)(?::?(\d\d)(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)?)?$/;

/**
 * `now` or an ISO 8601 date and time as RFC 3339 text in UTC (image-spec, config.md: `created`). Without a zone it
 * is UTC, so that the same argument gives the same image everywhere; `lastModifiedDate` of a flake (`20240131100000`)
 * is read too. Throws ERR_USAGE.
 */
export function parseCreated(text: string | undefined, now: () => Date = () => new Date()): string {
  if (text === undefined) return DEFAULT_CREATED;
  if (text === 'now') return withoutMilliseconds(now());
  const match = ISO_8601.exec(text);
  const time = match === null ? undefined : utcTime(match);
  if (time === undefined) {
    throw usageError(
      `${JSON.stringify(text)} is not a creation time`,
      'Write an ISO 8601 date and time such as 2024-01-31T10:00:00Z, or "now".',
    );
  }
  const fraction = (match![8] ?? '').replace(/0+$/, '');
  return fraction === ''
    ? withoutMilliseconds(time)
    : withoutMilliseconds(time).replace('Z', `.${fraction}Z`);
}

/** undefined where a part is out of range: `Date` would silently turn 30 February into 1 March. */
function utcTime(match: RegExpExecArray): Date | undefined {
  const [, year, , month, day, hour = '00', minute = '00', second = '00', , zone] = match;
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const local = new Date(`${written}Z`);
  const offset = zoneMinutes(zone);
  if (Number.isNaN(local.getTime()) || offset === undefined) return undefined;
  if (withoutMilliseconds(local) !== `${written}Z`) return undefined;
  const time = new Date(local.getTime() - offset * 60_000);
  return time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999 ? time : undefined;
}

function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

function withoutMilliseconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
