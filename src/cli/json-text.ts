const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A JSON document as the command line prints it: what could steer a terminal is escaped, as JSON allows. */
export function jsonText(value: unknown, indent?: number): string {
  return `${JSON.stringify(value, undefined, indent).replace(UNSAFE, escaped)}\n`;
}

/** The line breaks of an indented document are its own: those in strings are escaped already. */
function escaped(character: string): string {
  if (character === '\n') return character;
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}
