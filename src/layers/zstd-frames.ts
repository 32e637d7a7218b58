/**
 * Finds the frames in a zstd stream (RFC 8878, 3.1): a stream may have any number of them, with skippable ones between,
 * and each says only block by block how long it is.
 */
export class ZstdFrames {
  readonly #open: () => (piece: Uint8Array, last: boolean) => void;
  #write: ((piece: Uint8Array, last: boolean) => void) | undefined;
  #state: 'magic' | 'header' | 'block' | 'content' | 'skip' = 'magic';
  /** Bytes collected for the next decision, which needs `#wanted` of them. */
  #head: Uint8Array = new Uint8Array(0);
  #wanted = MAGIC_LENGTH;
  /** Bytes left of a block's content, or of what is skipped. */
  #left = 0;
  #lastBlock = false;
  #checksum = 0;

  /** `open` is called for each frame; what it gives takes the frame's bytes. */
  constructor(open: () => (piece: Uint8Array, last: boolean) => void) {
    this.#open = open;
  }

  /** Throws Error if it is not zstd, or wants more memory than the format asks decoders to have. */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength;) {
      if (this.#state === 'content' || this.#state === 'skip') {
        const part = piece.subarray(at, at + this.#left);
        at += part.byteLength;
        this.#left -= part.byteLength;
        this.#pass(part);
      } else {
        const part = piece.subarray(at, at + this.#wanted - this.#head.byteLength);
        at += part.byteLength;
        this.#head = Buffer.concat([this.#head, part]);
        if (this.#head.byteLength === this.#wanted) this.#decide(Buffer.from(this.#head));
      }
    }
  }

  end(): void {
    if (this.#state !== 'magic' || this.#head.byteLength > 0) throw new Error('the stream is cut off');
  }

  #pass(part: Uint8Array): void {
    const done = this.#left === 0;
    if (this.#state === 'skip') {
      if (done) this.#expect('magic', MAGIC_LENGTH);
      return;
    }
    const last = done && this.#lastBlock;
    this.#write!(part, last);
    if (last) this.#expect('magic', MAGIC_LENGTH);
    else if (done) this.#expect('block', BLOCK_HEADER_LENGTH);
  }

  #decide(head: Buffer): void {
    if (this.#state === 'magic') this.#magic(head);
    else if (this.#state === 'header') this.#header(head);
    else this.#block(head);
  }

  #magic(head: Buffer): void {
    const magic = head.readUInt32LE(0);
    if (magic === MAGIC) {
      this.#state = 'header';
      this.#wanted = MAGIC_LENGTH + frameHeaderLength(head[MAGIC_LENGTH - 1]!);
      return;
    }
    // A skippable frame has its length where another one has its descriptor.
    if ((magic & 0xfffffff0) >>> 0 !== SKIPPABLE) throw new Error('it is not zstd');
    if (head.byteLength < 8) {
      this.#wanted = 8;
      return;
    }
    const length = head.readUInt32LE(4);
    this.#expect('magic', MAGIC_LENGTH);
    if (length > 0) this.#state = 'skip';
    this.#left = length;
  }

  #header(head: Buffer): void {
    const descriptor = head[4]!;
    if (windowSize(head) > LARGEST_WINDOW) throw new Error('its window is larger than 128 MiB');
    this.#checksum = (descriptor & 0x04) === 0 ? 0 : 4;
    this.#write = this.#open();
    this.#write(head, false);
    this.#expect('block', BLOCK_HEADER_LENGTH);
  }

  #block(head: Buffer): void {
    const header = head.readUIntLE(0, 3);
    this.#lastBlock = (header & 1) === 1;
    const isRepeat = ((header >> 1) & 3) === 1;
    this.#left = (isRepeat ? 1 : header >> 3) + (this.#lastBlock ? this.#checksum : 0);
    this.#write!(head, this.#lastBlock && this.#left === 0);
    if (this.#left > 0) this.#expect('content', 0);
    else if (this.#lastBlock) this.#expect('magic', MAGIC_LENGTH);
    else this.#expect('block', BLOCK_HEADER_LENGTH);
  }

  #expect(state: 'magic' | 'block' | 'content', wanted: number): void {
    this.#state = state;
    this.#head = new Uint8Array(0);
    this.#wanted = wanted;
  }
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** The magic number and the descriptor behind it. */
const MAGIC_LENGTH = 5;
const BLOCK_HEADER_LENGTH = 3;
/** What zstd itself takes without being told to (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`). */
const LARGEST_WINDOW = 2 ** 27;

/** Bytes that follow the descriptor: window, dictionary, content size. */
function frameHeaderLength(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  return (isSingle ? 0 : 1) + dictionary + size;
}

/** Bytes of earlier output that a frame may refer to. */
function windowSize(head: Buffer): number {
  const descriptor = head[4]!;
  if ((descriptor & 0x20) === 0) {
    const window = head[5]!;
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + [0, 1, 2, 4][descriptor & 3]!;
  switch (descriptor >> 6) {
    case 0:
      return head[at]!;
    case 1:
      return head.readUInt16LE(at) + 256;
    case 2:
      return head.readUInt32LE(at);
    default:
      return Number(head.readBigUInt64LE(at));
  }
}
