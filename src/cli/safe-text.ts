const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\u001B': '\\e' };

/**
 * Text from elsewhere (a registry, a file, the command line) as one line that cannot steer the terminal:
 * control characters, direction overrides and lone surrogates become visible escapes.
 */
export function safeText(text: string): string {
  return text.replace(
    UNSAFE,
    (character) => SHORT[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** The queries and user names of URLs in `text` cut out: signed URLs and passwords live there. */
export function withoutUrlSecrets(text: string): string {
  return text.replace(
    /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/@'"]*@)?([^\s?'"]*)(\?[^\s'"]*)?/gi,
    (_all, scheme, _user, rest, query) =>
      `${String(scheme)}${String(rest)}${query === undefined ? '' : '?…'}`,
  );
}
