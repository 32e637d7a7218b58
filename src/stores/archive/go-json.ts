/**
 * The members of a JSON object as Go's encoding/json writes them when it passes them on (`json.RawMessage`): as they
 * stand there, without white space, with `<`, `>`, `&` and U+2028, U+2029 escaped. One character for each byte, so that
 * bytes which are no UTF-8 stay too. `json` has been parsed before.
 */
export function rawMembers(json: Buffer): Map<string, string> {
  const compact = json.toString('latin1').replaceAll(STRING_OR_SPACE, (token) => {
    return token.startsWith('"') ? token.replaceAll(UNSAFE, escaped) : '';
  });
  const members = new Map<string, string>();
  let depth = 0;
  let start = 1;
  let key: string | undefined;
  for (const { 0: token, index } of compact.matchAll(STRING_OR_MARK)) {
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (token === ':' && depth === 1) {
      key = JSON.parse(compact.slice(start, index)) as string;
      start = index + 1;
    }
    if ((token === ',' && depth === 1) || depth === 0) {
      if (key !== undefined) members.set(key, compact.slice(start, index));
      start = index + 1;
    }
  }
  return members;
}

const STRING_OR_SPACE = /"[^"\\]*(?:\\.[^"\\]*)*"|[ \t\r\n]+/g;
const STRING_OR_MARK = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g;

/** The last two are U+2028 and U+2029 in UTF-8. */
const UNSAFE = /[<>&]|\u00e2\u0080[\u00a8\u00a9]/g;

function escaped(character: string): string {
  if (character.length === 3) return character.endsWith('\u00a8') ? '\\u2028' : '\\u2029';
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}
