import { NixpushError } from '../base/errors.ts';

/** Digits of Nix's base 32: no e, o, u, t, so that hashes rarely spell words (Nix manual, "Nix32 encoding"). */
const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz';
const VALUES = new Map<string, number>(Array.from(ALPHABET, (digit, value) => [digit, value]));

/** Digits that encode `byteLength` bytes: 52 for SHA-256, 32 for the 20 bytes in a store path. */
export function nix32Length(byteLength: number): number {
  return Math.ceil((byteLength * 8) / 5);
}

/** Nix writes the last five bits first: the whole is one little-endian number, its most significant digit in front. */
export function encodeNix32(bytes: Uint8Array): string {
  let text = '';
  for (let digit = nix32Length(bytes.length) - 1; digit >= 0; digit--) {
    const bit = digit * 5;
    const byte = bit >> 3;
    const window = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8);
    text += ALPHABET[(window >> (bit & 7)) & 31];
  }
  return text;
}

/**
 * Strict: each text has at most one meaning and each value one text, so that two spellings of a hash cannot pass as
 * two hashes. Throws ERR_FORMAT for a foreign digit, a length no bytes have, and bits set beyond the last byte.
 */
export function decodeNix32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  if (nix32Length(bytes.length) !== text.length) {
    throw malformed(text, `${text.length} digits do not make whole bytes`);
  }
  for (let digit = 0; digit < text.length; digit++) {
    const character = text[text.length - 1 - digit]!;
    const value = VALUES.get(character);
    if (value === undefined) throw malformed(text, `${JSON.stringify(character)} is not one of its digits`);
    const bit = digit * 5;
    const byte = bit >> 3;
    const shifted = value << (bit & 7);
    bytes[byte]! |= shifted & 0xff;
    if (byte + 1 < bytes.length) bytes[byte + 1]! |= shifted >> 8;
    else if (shifted >> 8 !== 0) throw malformed(text, 'it is too large for its length');
  }
  return bytes;
}

function malformed(text: string, why: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${JSON.stringify(text)} is not Nix base 32: ${why}`);
}
