import { LIMITS } from './limits.ts';
import { decodeTarHeader, parsePaxRecords, TAR_BLOCK, tarPadding, type TarHeader } from './tar-header.ts';
import { readFully, type TarInput } from './tar-input.ts';

/** One member of a tar. */
export interface TarMember {
  /** Relative, without `./` in front or a slash at the end; never leads out. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** Bytes of content, and where it begins in the tar. */
  readonly size: number;
  readonly offset: number;
  /** Of a link, as it stands there. */
  readonly target: string;
}

const KINDS: Record<string, TarMember['kind']> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/**
 * The members of a tar in order. Whoever gets one may read its content from `input` before asking for the next. Throws
 * Error saying what is wrong: names that lead out of the archive, too many members, a tar that is cut off.
 */
export async function* tarMembers(input: TarInput): AsyncGenerator<TarMember, void, void> {
  let count = 0;
  for (let header = await nextHeader(input); header !== undefined; header = await nextHeader(input)) {
    if (++count > LIMITS.members) throw new Error(`it has more than ${LIMITS.members} members`);
    const { type, size, linkName } = header;
    const kind = KINDS[type] ?? 'other';
    const name = safeName(header.name);
    if (kind !== 'file' && size > 0) throw new Error(`${name} has content, but is no file`);
    const end = input.position + size;
    yield { name, kind, size, offset: input.position, target: linkName };
    if (!(await input.advance(end))) throw new Error(`it is cut off in ${name}`);
    // Some writers leave out what follows the last content.
    await input.advance(end + tarPadding(size));
  }
}

/** A member's header with what extended headers before it say. undefined at the end. */
async function nextHeader(input: TarInput): Promise<TarHeader | undefined> {
  const extended: { name?: string; linkName?: string; size?: number } = {};
  for (;;) {
    const block = await readFully(input, TAR_BLOCK);
    // Some writers leave the end marker out.
    if (block.byteLength === 0) return undefined;
    if (block.byteLength < TAR_BLOCK) throw new Error('it is cut off in a header');
    const header = decodeTarHeader(block);
    if (header === undefined) return undefined;
    const { type, size } = header;
    if (!'xgLK'.includes(type)) return { ...header, ...extended };
    const body = await extendedHeader(input, size);
    if (type === 'L') extended.name = cString(body);
    if (type === 'K') extended.linkName = cString(body);
    if (type === 'x') Object.assign(extended, paxFields(parsePaxRecords(body)));
  }
}

async function extendedHeader(input: TarInput, size: number): Promise<Buffer> {
  if (size > LIMITS.extendedHeaderBytes) throw new Error('an extended header is too large');
  const body = await readFully(input, size);
  await input.advance(input.position + tarPadding(size));
  if (body.byteLength < size) throw new Error('it is cut off in an extended header');
  return body;
}

function paxFields(records: Map<string, string>): { name?: string; linkName?: string; size?: number } {
  if ([...records.keys()].some((keyword) => keyword.startsWith('GNU.sparse.')))
    throw new Error('it has sparse files');
  const name = records.get('path');
  const linkName = records.get('linkpath');
  const size = records.get('size');
  if (size !== undefined && !(/^[0-9]{1,16}$/.test(size) && Number.isSafeInteger(Number(size))))
    throw new Error('a size is not a number');
  return {
    ...(name !== undefined && { name }),
    ...(linkName !== undefined && { linkName }),
    ...(size !== undefined && { size: Number(size) }),
  };
}

function cString(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString('utf8', 0, end < 0 ? body.byteLength : end);
}

/** A name is a key here and no path is made from it; one that leads out is refused all the same: it means no good. */
function safeName(name: string): string {
  if (Buffer.byteLength(name) > LIMITS.nameBytes) throw new Error('a name is too long');
  const shown = JSON.stringify(name);
  if (name.startsWith('/')) throw new Error(`the name ${shown} is absolute`);
  if (name.includes('\0')) throw new Error(`the name ${shown} holds a NUL`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`the name ${shown} leads out of the archive`);
  return parts.join('/');
}
