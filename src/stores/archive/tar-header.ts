/** Tar headers as GNU tar, Go, Python and Docker write them: ustar with the extensions of pax and GNU. */
export const TAR_BLOCK = 512;

export interface TarHeader {
  readonly name: string;
  /** One letter; `0` is a file. */
  readonly type: string;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly linkName: string;
}

/** undefined for the zero block that ends an archive. Throws Error saying what is wrong. */
export function decodeTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  checkSum(block);
  const type = String.fromCharCode(block[156]! || 0x30);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type,
    // Only these have content; what a size would mean elsewhere, readers do not agree on.
    size: '07xgXLKSVMDN'.includes(type) ? number(block, 124, 12) : 0,
    linkName: text(block, 157, 100),
  };
}

/**
 * Of a file (mode 0444) or, with `linkName`, a symbolic link (mode 0), owner 0, mtime 0: what Go's archive/tar makes of
 * the same up to 8 GiB. Names are ASCII, at most 100 characters.
 */
export function encodeTarHeader(name: string, size: number, linkName?: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(linkName === undefined ? 0o444 : 0, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  if (size < 8 ** 11) octal(size, 124, 11);
  else base256(block, 124, 12, size);
  octal(0, 136, 11);
  block.write(linkName === undefined ? '0' : '2', 156, 'latin1');
  block.write(linkName ?? '', 157, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  octal(0, 329, 7);
  octal(0, 337, 7);
  block.fill(' ', 148, 156);
  octal(sumOf(block), 148, 6);
  block[154] = 0;
  return block;
}

/** The records `LENGTH keyword=value\n` of a pax header. Throws Error. */
export function parsePaxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.byteLength && body[at] !== 0;) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, Math.max(at, space)));
    const end = at + length;
    const equals = body.indexOf(0x3d, space);
    const isRecord =
      space > at &&
      length > 0 &&
      end <= body.byteLength &&
      equals > space &&
      equals < end &&
      body[end - 1] === 0x0a;
    if (!isRecord) throw new Error('an extended header is malformed');
    records.set(body.toString('utf8', space + 1, equals), body.toString('utf8', equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** Zero bytes after a content of `size` bytes, up to the next block. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

function text(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** Octal digits, or, with the first bit set, a number to the base 256 (GNU). */
function number(block: Buffer, offset: number, length: number): number {
  if ((block[offset]! & 0x80) !== 0) {
    let value = block[offset]! & 0x7f;
    for (let at = offset + 1; at < offset + length; at++) value = value * 256 + block[at]!;
    if (!Number.isSafeInteger(value)) throw new Error('a size is too large or below zero');
    return value;
  }
  const digits = block.toString('latin1', offset, offset + length).replaceAll(/[\0 ]+$|^ +/g, '');
  if (!/^[0-7]*$/.test(digits)) throw new Error('a size is not a number');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function base256(block: Buffer, offset: number, length: number, value: number): void {
  let rest = value;
  for (let at = offset + length - 1; at > offset; at--) {
    block[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  block[offset] = 0x80;
}

function checkSum(block: Buffer): void {
  const found = Number.parseInt(block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  if (found !== sumOf(block)) throw new Error('a header has a wrong checksum');
}

/** Of all bytes, those of the checksum itself taken for spaces. */
function sumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum;
}
