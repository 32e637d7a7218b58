/**
 * Tar headers, bit for bit as Python's `tarfile` writes them in PAX format, because that is what nixpkgs'
 * `streamLayeredImage` uses: the same store paths in the same order then give the same diffID as dockerTools.
 * Every rule that decides a byte of a header is in this file.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { EntryOwner } from './content.ts';
import type { TarOwner } from './recipe.ts';

export const TAR_BLOCK = 512;
/** An archive ends with two zero blocks and is padded with zeros to a multiple of this (tarfile.RECORDSIZE). */
export const TAR_RECORD = 10_240;

export interface TarEntry {
  /** Absolute, without a trailing slash. Bytes, because a file name need not be UTF-8. */
  readonly path: Buffer;
  readonly type: 'directory' | 'file' | 'symlink';
  /** Permission bits, e.g. 0o555. */
  readonly mode: number;
  /** Bytes of content; 0 unless a file. */
  readonly size: number;
  /** Only of a symlink. */
  readonly target?: Buffer;
  /** In place of the layer's owner; without names unless it has them. */
  readonly owner?: EntryOwner;
  /** Value of the extended attribute `security.capability`. */
  readonly capability?: Buffer;
}

export const TYPE_FLAG = { file: '0', symlink: '2', directory: '5', pax: 'x' } as const;
export const NAME_LENGTH = 100;
const OWNER_NAME_LENGTH = 32;
export const CAPABILITY_RECORD = 'SCHILY.xattr.security.capability';
const SLASH = Buffer.from('/');
const EMPTY = Buffer.alloc(0);
const ZEROS = Buffer.alloc(TAR_BLOCK);
const MAGIC = Buffer.from('ustar\x0000', 'latin1');

/** The header of an entry: one block, or three and more when something does not fit into ustar's fields. */
export function encodeTarHeader(entry: TarEntry, layerOwner: TarOwner): Buffer {
  const owner =
    entry.owner === undefined ? layerOwner : { ...layerOwner, uname: '', gname: '', ...entry.owner };
  const name = entry.type === 'directory' ? Buffer.concat([entry.path, SLASH]) : entry.path;
  const fields: UstarFields = {
    name,
    type: TYPE_FLAG[entry.type],
    mode: entry.mode,
    uid: owner.uid,
    gid: owner.gid,
    size: entry.size,
    mtime: owner.mtime,
    linkname: entry.target ?? EMPTY,
    uname: Buffer.from(owner.uname),
    gname: Buffer.from(owner.gname),
  };
  const records = paxRecords(fields);
  // As GNU tar and Go's archive/tar name it; both take the value as bytes, whatever the character set is.
  if (entry.capability !== undefined) records.push([CAPABILITY_RECORD, entry.capability]);
  const header = ustarHeader(fields);
  return records.length === 0 ? header : Buffer.concat([...paxHeader(records), header]);
}

/** Zero bytes after a content of `size` bytes, up to the next block. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Zero bytes that end an archive whose entries take `size` bytes. */
export function tarEnd(size: number): number {
  const end = 2 * TAR_BLOCK;
  return end + ((TAR_RECORD - ((size + end) % TAR_RECORD)) % TAR_RECORD);
}

export interface UstarFields {
  name: Buffer;
  type: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  linkname: Buffer;
  uname: Buffer;
  gname: Buffer;
  /** What Go's archive/tar writes and tarfile does not: device numbers, and the front part of a long name. */
  go?: { prefix: Buffer };
}

type PaxRecord = readonly [keyword: string, value: Buffer];

/**
 * What does not fit: text that is not ASCII or too long, numbers below 0 or too large for their octal digits. A number that
 * goes into a record is 0 in the ustar field. Order of the records: tarfile's.
 */
function paxRecords(fields: UstarFields): PaxRecord[] {
  const records: PaxRecord[] = [];
  const text = (keyword: string, value: Buffer, length: number): void => {
    if (value.length > length || !isAscii(value)) records.push([keyword, value]);
  };
  const number = (field: 'uid' | 'gid' | 'size' | 'mtime', limit: number): void => {
    if (fields[field] >= 0 && fields[field] < limit) return;
    records.push([field, Buffer.from(String(fields[field]))]);
    fields[field] = 0;
  };
  text('path', fields.name, NAME_LENGTH);
  text('linkpath', fields.linkname, NAME_LENGTH);
  text('uname', fields.uname, OWNER_NAME_LENGTH);
  text('gname', fields.gname, OWNER_NAME_LENGTH);
  number('uid', 8 ** 7);
  number('gid', 8 ** 7);
  number('size', 8 ** 11);
  number('mtime', 8 ** 11);
  return records;
}

/** The extended header's own block and its records, padded to whole blocks. */
function paxHeader(records: readonly PaxRecord[]): Buffer[] {
  const body = records.map(([keyword, value]) => paxRecord(keyword, value));
  // tarfile says so first when a value is not UTF-8, so that readers take all values as raw bytes.
  if (records.some(([keyword, value]) => keyword !== CAPABILITY_RECORD && !isUtf8(value)))
    body.unshift(Buffer.from('21 hdrcharset=BINARY\n'));
  const size = body.reduce((sum, record) => sum + record.length, 0);
  const header = ustarHeader({
    name: Buffer.from('././@PaxHeader'),
    type: TYPE_FLAG.pax,
    mode: 0,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    linkname: EMPTY,
    uname: EMPTY,
    gname: EMPTY,
  });
  return [header, ...body, ZEROS.subarray(0, tarPadding(size))];
}

/** `LENGTH keyword=value\n`, where LENGTH counts its own digits too. */
export function paxRecord(keyword: string, value: Buffer): Buffer {
  const rest = ` ${keyword}=`.length + value.length + 1;
  let length = rest + 1;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  const record = Buffer.allocUnsafe(length);
  value.copy(record, record.write(`${length} ${keyword}=`, 'latin1'));
  record[length - 1] = 0x0a;
  return record;
}

export function ustarHeader(fields: UstarFields): Buffer {
  const { common, sum: commonSum } = commonBlock(fields);
  // A piece of a larger buffer: memory of its own costs more than all the rest here.
  const block = Buffer.allocUnsafe(TAR_BLOCK);
  common.copy(block);
  writeOctal(block, fields.size, 124, 11);
  asciiField(fields.name).copy(block, 0, 0, NAME_LENGTH);
  asciiField(fields.linkname).copy(block, 157, 0, NAME_LENGTH);
  fields.go?.prefix.copy(block, 345);
  const sum =
    commonSum +
    sumOf(block, 0, Math.min(fields.name.length, NAME_LENGTH)) +
    sumOf(block, 124, 135) +
    sumOf(block, 157, 157 + Math.min(fields.linkname.length, NAME_LENGTH)) +
    (fields.go === undefined ? 0 : sumOf(block, 345, 500));
  writeOctal(block, sum, 148, 6);
  block[154] = 0;
  return block;
}

interface CommonBlock {
  readonly common: Buffer;
  /** Of its bytes, as the checksum counts them. */
  readonly sum: number;
}

/** What entries of one kind and owner have in common: all but name, size and target. A closure has few kinds of entries. */
const commonBlocks = new Map<string, CommonBlock>();
const MOST_COMMON_BLOCKS = 1000;

function commonBlock({ type, mode, uid, gid, mtime, uname, gname, go }: UstarFields): CommonBlock {
  const names = `${uname.toString('latin1')}\0${gname.toString('latin1')}`;
  const key = `${type} ${mode} ${uid} ${gid} ${mtime} ${names} ${go === undefined}`;
  const known = commonBlocks.get(key);
  if (known !== undefined) return known;
  const common = Buffer.alloc(TAR_BLOCK);
  writeOctal(common, mode & 0o7777, 100, 7);
  writeOctal(common, uid, 108, 7);
  writeOctal(common, gid, 116, 7);
  writeOctal(common, mtime, 136, 11);
  common.fill(' ', 148, 156);
  common[156] = type.charCodeAt(0);
  MAGIC.copy(common, 257);
  asciiField(uname).copy(common, 265, 0, OWNER_NAME_LENGTH);
  asciiField(gname).copy(common, 297, 0, OWNER_NAME_LENGTH);
  // Otherwise the device numbers stay all NUL and the prefix stays unused, as in Python 3.8 and later.
  if (go !== undefined) {
    writeOctal(common, 0, 329, 7);
    writeOctal(common, 0, 337, 7);
  }
  const made = { common, sum: sumOf(common, 0, TAR_BLOCK) };
  if (commonBlocks.size >= MOST_COMMON_BLOCKS) commonBlocks.clear();
  commonBlocks.set(key, made);
  return made;
}

function sumOf(block: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += block[at]!;
  return sum;
}

/** Digit by digit from the last one: a closure has many headers. */
function writeOctal(block: Buffer, value: number, offset: number, digits: number): void {
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Text for a ustar field: every character outside ASCII becomes `?`. The real value stands in a record. */
function asciiField(value: Buffer): Buffer {
  return isAscii(value) ? value : Buffer.from(replaceNonAscii(value), 'latin1');
}

/** One `?` for each character, and for each byte that is not part of one: what Python's surrogateescape leads to. */
function replaceNonAscii(value: Buffer): string {
  let text = '';
  for (let at = 0; at < value.length;) {
    const byte = value[at]!;
    text += byte < 0x80 ? String.fromCharCode(byte) : '?';
    at += utf8Length(value, at);
  }
  return text;
}

/** Bytes of the UTF-8 character at `at`; 1 where there is none. */
function utf8Length(value: Buffer, at: number): number {
  const lead = value[at]!;
  const length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  return length > 1 && isUtf8(value.subarray(at, at + length)) ? length : 1;
}
