/**
 * A server's text made fit for a terminal and a log: one line, no control characters (C0, C1, bidirectional and
 * line separators), no query of a URL (it may be signed), nothing of `secrets`, at most `limit` characters.
 */
export function safeText(text: string, limit: number, secrets: readonly string[] = []): string {
  let safe = text;
  for (const secret of secrets) {
    if (secret.length >= 4) safe = safe.replaceAll(secret, '***');
  }
  safe = safe
    .replace(/(https?:\/\/[^\s"'<>?]*)\?[^\s"'<>]*/gi, '$1?***')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{20,}/gi, '$1 ***')
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    .replace(/[\u0000-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+/g, ' ')
    .trim();
  // Cut between characters, not inside a surrogate pair.
  const end = /[\ud800-\udbff]/.test(safe.charAt(limit - 1)) ? limit - 1 : limit;
  return safe.length > limit ? `${safe.slice(0, end)}…` : safe;
}
