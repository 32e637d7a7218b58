/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). */
export interface AuthChallenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case; the first of equal names counts. */
  readonly params: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const SPACE = /[ \t]*/y;
const UNQUOTED = /[^,\s]*/y;

/** Reads every challenge of the header, several ones too. Lenient: what cannot be read is passed over; never throws. */
export function parseChallenges(header: string): AuthChallenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let position = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = position;
    const match = pattern.exec(header)?.[0] ?? '';
    position += match.length;
    return match;
  };
  while (position < header.length) {
    const name = take(TOKEN).toLowerCase();
    if (name === '') {
      position += 1;
      continue;
    }
    take(SPACE);
    if (header[position] !== '=') {
      challenges.push({ scheme: name, params: new Map() });
      take(TOKEN68);
      continue;
    }
    position += 1;
    take(SPACE);
    const quoted = header[position] === '"' ? quotedString(header, position) : undefined;
    if (quoted !== undefined) position = quoted.end;
    const value = quoted?.value ?? take(UNQUOTED);
    const params = challenges.at(-1)?.params;
    if (params !== undefined && !params.has(name)) params.set(name, value);
  }
  return challenges;
}

/** `end` is the position after the closing quote, or the header's end where that is missing. */
function quotedString(header: string, start: number): { value: string; end: number } {
  let value = '';
  let position = start + 1;
  while (position < header.length && header[position] !== '"') {
    if (header[position] === '\\' && position + 1 < header.length) position += 1;
    value += header[position];
    position += 1;
  }
  return { value, end: Math.min(position + 1, header.length) };
}
