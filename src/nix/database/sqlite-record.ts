/** What a column can hold here. */
export type SqlValue = string | number | null;

/** A row or an index entry as bytes (sqlite.org/fileformat2.html, "Record Format"): the types, then the values. */
export function encodeRecord(values: readonly SqlValue[]): Buffer {
  const encoded = values.map(encodeValue);
  const types = Buffer.concat(encoded.map(({ type }) => varint(type)));
  // The length counts its own byte too; rows here have so few columns that it is one.
  return Buffer.concat([varint(types.length + 1), types, ...encoded.map(({ bytes }) => bytes)]);
}

/** A number below 2^53 in as many bytes as it needs, seven bits each, the highest first. */
export function varint(value: number): Buffer {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift((rest % 128) | 0x80);
  return Buffer.from(bytes);
}

function encodeValue(value: SqlValue): { type: number; bytes: Buffer } {
  if (value === null) return { type: 0, bytes: Buffer.alloc(0) };
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return { type: 13 + 2 * bytes.length, bytes };
  }
  if (value === 0 || value === 1) return { type: 8 + value, bytes: Buffer.alloc(0) };
  return encodeInteger(value);
}

/** Types 1 to 5: signed, big-endian, of these many bytes. */
const INTEGER_BYTES = [1, 2, 3, 4, 6];

function encodeInteger(value: number): { type: number; bytes: Buffer } {
  const at = INTEGER_BYTES.findIndex((length) => Math.abs(value) < 2 ** (8 * length - 1));
  if (at < 0) throw new RangeError(`${value} takes more than 48 bits`);
  const bytes = Buffer.alloc(INTEGER_BYTES[at]!);
  bytes.writeIntBE(value, 0, bytes.length);
  return { type: at + 1, bytes };
}
