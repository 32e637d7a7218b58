import { usageError } from '../../base/errors.ts';

/** `[abc]` and `[!abc]`, or one character. */
const PART = /\[(?<not>[!^]?)(?<set>[^\]]+)\]|(?<character>[^])/g;

/**
 * A shell's pattern for a whole tag: `*` is any text, `?` any character, `[a-f]` one of these, `[!a-f]` none of them.
 * Tags have no slashes, so there is nothing more to it. Throws ERR_USAGE, beginning with `where`.
 */
export function globPattern(glob: string, where: string): RegExp {
  const source = [...glob.matchAll(PART)].map(({ groups = {} }) => partSource(groups)).join('');
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw usageError(`${where}: ${JSON.stringify(glob)} has a range that runs backwards`);
  }
}

function partSource({ not, set, character }: Record<string, string | undefined>): string {
  if (set !== undefined) return `[${not === '' ? '' : '^'}${set.replaceAll(/[\\^[]/g, '\\$&')}]`;
  if (character === '*') return '.*';
  return character === '?' ? '.' : character!.replaceAll(/[$()*+.?[\\\]^{|}/-]/g, '\\$&');
}
