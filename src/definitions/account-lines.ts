/** One line of passwd(5) or group(5), as far as it matters here. */
export interface Account {
  readonly name: string;
  readonly number: number;
  /** Of a user. */
  readonly group?: number;
}

/** The accounts of a file; lines that are none are passed over. */
export function accountsIn(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , number, group] = line.split(':');
    if (!/^\d+$/.test(number ?? '')) return [];
    return [{ name, number: Number(number), ...(/^\d+$/.test(group ?? '') && { group: Number(group) }) }];
  });
}

export function lineOf(...fields: readonly (string | number)[]): string {
  return fields.join(':');
}

/** The text with our lines in it: in place of those of the same names, or else after all. */
export function mergedText(text: string | undefined, ours: readonly string[]): string {
  const nameIn = (line: string): string => line.slice(0, line.indexOf(':'));
  const left = new Map(ours.map((line) => [nameIn(line), line]));
  const theirs = (text ?? '').split('\n').filter((line) => line !== '');
  const lines = theirs.map((line) => {
    const replaced = left.get(nameIn(line)) ?? line;
    left.delete(nameIn(line));
    return replaced;
  });
  return [...lines, ...left.values()].map((line) => `${line}\n`).join('');
}
