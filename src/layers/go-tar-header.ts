/**
 * Tar headers, bit for bit as Go's `archive/tar` writes them when no format is chosen, because that is what
 * nix2container uses: ustar, and PAX only for what does not fit. Directories have no trailing slash there.
 */
import { isAscii } from 'node:buffer';
import {
  CAPABILITY_RECORD,
  NAME_LENGTH,
  paxRecord,
  tarPadding,
  TYPE_FLAG,
  ustarHeader,
} from './tar-header.ts';
import type { TarEntry, UstarFields } from './tar-header.ts';
import type { TarOwner } from './recipe.ts';

const PREFIX_LENGTH = 155;
const OWNER_NAME_LENGTH = 32;
const SLASH = 0x2f;
const EMPTY = Buffer.alloc(0);

/** The header of an entry: one block, or three and more when something does not fit into ustar's fields. */
export function encodeGoTarHeader(entry: TarEntry, layerOwner: TarOwner): Buffer {
  const { path, target = EMPTY } = entry;
  const owner =
    entry.owner === undefined ? layerOwner : { ...layerOwner, uname: '', gname: '', ...entry.owner };
  const records = paxRecords(entry, owner);
  const split = splitName(path);
  // A long name is no reason for PAX if it can be split; but where there is another one, it becomes a record too.
  const isPax =
    records.some(([keyword]) => keyword !== 'path') || (records.length > 0 && split === undefined);
  const { prefix, name } = isPax || split === undefined ? { prefix: EMPTY, name: path } : split;
  const header = ustarHeader({
    ...numbers(entry, owner),
    name: field(name, NAME_LENGTH),
    type: TYPE_FLAG[entry.type],
    linkname: field(target, NAME_LENGTH),
    uname: field(Buffer.from(owner.uname), OWNER_NAME_LENGTH),
    gname: field(Buffer.from(owner.gname), OWNER_NAME_LENGTH),
    go: { prefix },
  });
  return isPax ? Buffer.concat([...paxHeader(path, records), header]) : header;
}

/** Bytes that end an archive: two zero blocks, and no padding to a record. */
export const GO_TAR_END = 1024;

type PaxRecord = readonly [keyword: string, value: Buffer];

/** By keyword, as Go sorts them. */
function paxRecords({ path, target = EMPTY, size, capability }: TarEntry, owner: TarOwner): PaxRecord[] {
  const records: PaxRecord[] = [];
  if (capability !== undefined) records.push([CAPABILITY_RECORD, capability]);
  const text = (keyword: string, value: Buffer, length: number): void => {
    if (value.length > length || !isAscii(value)) records.push([keyword, value]);
  };
  const number = (keyword: string, value: number, digits: number): void => {
    if (!fits(value, digits)) records.push([keyword, Buffer.from(String(value))]);
  };
  number('gid', owner.gid, 7);
  text('gname', Buffer.from(owner.gname), OWNER_NAME_LENGTH);
  text('linkpath', target, NAME_LENGTH);
  number('mtime', owner.mtime, 11);
  text('path', path, NAME_LENGTH);
  number('size', size, 11);
  number('uid', owner.uid, 7);
  text('uname', Buffer.from(owner.uname), OWNER_NAME_LENGTH);
  return records;
}

/** A number that goes into a record is 0 in its field. */
function numbers(
  { mode, size }: TarEntry,
  { uid, gid, mtime }: TarOwner,
): Pick<UstarFields, 'mode' | 'uid' | 'gid' | 'size' | 'mtime'> {
  const fitting = (value: number, digits: number): number => (fits(value, digits) ? value : 0);
  return {
    mode,
    uid: fitting(uid, 7),
    gid: fitting(gid, 7),
    size: fitting(size, 11),
    mtime: fitting(mtime, 11),
  };
}

function fits(value: number, digits: number): boolean {
  return value >= 0 && value < 8 ** digits;
}

/** Where ustar splits a long name, which is at the last slash that leaves a prefix short enough; undefined if it cannot. */
function splitName(path: Buffer): { prefix: Buffer; name: Buffer } | undefined {
  if (path.length <= NAME_LENGTH || !isAscii(path)) return undefined;
  const at = path.subarray(0, PREFIX_LENGTH + 1).lastIndexOf(SLASH);
  const length = path.length - at - 1;
  if (at <= 0 || length > NAME_LENGTH || length === 0) return undefined;
  return { prefix: path.subarray(0, at), name: path.subarray(at + 1) };
}

function paxHeader(path: Buffer, records: readonly PaxRecord[]): Buffer[] {
  const body = Buffer.concat(records.map(([keyword, value]) => paxRecord(keyword, value)));
  const slash = path.lastIndexOf(SLASH);
  const name = Buffer.concat([
    path.subarray(0, slash + 1),
    Buffer.from('PaxHeaders.0/'),
    path.subarray(slash + 1),
  ]);
  const header = ustarHeader({
    name: withoutTrailingSlash(field(name, NAME_LENGTH)),
    type: TYPE_FLAG.pax,
    mode: 0,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: 0,
    linkname: EMPTY,
    uname: EMPTY,
    gname: EMPTY,
  });
  return [header, body, Buffer.alloc(tarPadding(body.length))];
}

/** What stands in a field where the real value is in a record: ASCII only, cut, and not with a slash at the cut. */
function field(value: Buffer, length: number): Buffer {
  const ascii = isAscii(value) ? value : Buffer.from(value.filter((byte) => byte < 0x80));
  return ascii.length <= length ? ascii : withoutTrailingSlash(ascii.subarray(0, length));
}

function withoutTrailingSlash(value: Buffer): Buffer {
  let end = value.length;
  while (end > 0 && value[end - 1] === SLASH) end--;
  return value.subarray(0, end);
}
