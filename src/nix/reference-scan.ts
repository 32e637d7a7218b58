/** Characters of the hash part of a store path. */
const HASH_LENGTH = 32;

/** Which bytes are characters of Nix's base 32: digits and small letters without e, o, t and u. */
const IS_NIX32 = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9abcdfghijklmnpqrsvwxyz]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/**
 * Finds references as Nix does after a build (`RefScanSink`): a file refers to a store path if the hash of the path's
 * name stands anywhere in it.
 */
export class ReferenceScan {
  readonly #hashes: ReadonlySet<string>;
  readonly #found = new Set<string>();
  /** The end of what was read so far: a hash may stand across two pieces. */
  #tail = Buffer.alloc(0);

  /** `hashes` are those to look for, 32 characters each. */
  constructor(hashes: ReadonlySet<string>) {
    this.#hashes = hashes;
  }

  get found(): ReadonlySet<string> {
    return this.#found;
  }

  /** The next piece of the same text. */
  push(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.#search(Buffer.concat([this.#tail, bytes.subarray(0, HASH_LENGTH - 1)]));
    this.#search(bytes);
    const rest = bytes.byteLength >= HASH_LENGTH - 1 ? bytes : Buffer.concat([this.#tail, bytes]);
    // A copy, because whoever gave the piece may fill it anew.
    this.#tail = Buffer.from(rest.subarray(Math.max(0, rest.byteLength - HASH_LENGTH + 1)));
  }

  /** The text is at its end; another one may follow. */
  end(): void {
    this.#tail = Buffer.alloc(0);
  }

  #search(bytes: Buffer): void {
    let start = 0;
    while (start + HASH_LENGTH <= bytes.byteLength) {
      let at = start + HASH_LENGTH - 1;
      // From behind: a byte that cannot be part of a hash rules out all windows that hold it.
      while (at >= start && IS_NIX32[bytes[at]!] === 1) at--;
      if (at >= start) {
        start = at + 1;
        continue;
      }
      const hash = bytes.toString('latin1', start, start + HASH_LENGTH);
      if (this.#hashes.has(hash)) this.#found.add(hash);
      start++;
    }
  }
}
