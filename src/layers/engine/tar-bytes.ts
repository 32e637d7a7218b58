import type { LayerContent, TarContent } from '../content.ts';
import { encodeGoTarHeader, GO_TAR_END } from '../go-tar-header.ts';
import type { TarOwner } from '../recipe.ts';
import type { TarFormat } from '../tar-format.ts';
import { encodeTarHeader, tarEnd, tarPadding, type TarEntry } from '../tar-header.ts';
import type { LayerBytes } from './layer-bytes.ts';
import { layerEntries, type LayerEntry, type OpenFile } from './layer-entries.ts';

/** The bytes of a layer's tar, read synchronously into buffers of the caller's: nothing of a file's size is ever held. */
export class TarBytes implements LayerBytes {
  readonly #encodeHeader: (entry: TarEntry) => Uint8Array;
  readonly #end: (size: number) => number;
  readonly #entries: Iterator<LayerEntry>;
  /** Bytes to give before anything else: the header of the current entry. */
  #header: Uint8Array = new Uint8Array(0);
  #file: OpenFile | undefined;
  #fileSize = 0;
  #filePosition = 0;
  #zeros = 0;
  #size = 0;
  #noMoreEntries = false;

  constructor(content: Exclude<LayerContent, TarContent>, owner: TarOwner, format?: TarFormat) {
    const isGo = format === 'n2c';
    this.#encodeHeader = (entry) => (isGo ? encodeGoTarHeader(entry, owner) : encodeTarHeader(entry, owner));
    this.#end = isGo ? () => GO_TAR_END : tarEnd;
    this.#entries = layerEntries(content, format);
  }

  /** True when the last byte was given. */
  get ended(): boolean {
    return this.#noMoreEntries && this.#zeros === 0;
  }

  /** Fills `into` and gives the number of bytes; fewer than its length only at the end. */
  read(into: Uint8Array): number {
    let at = 0;
    while (at < into.byteLength && !this.ended) {
      const given = this.#readSome(into, at);
      if (given === 0) this.#nextEntry();
      at += given;
    }
    // Looks one step ahead, so that `ended` is right also when the end falls together with the end of `into`.
    while (!this.ended && this.#idle) this.#nextEntry();
    return at;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  get #idle(): boolean {
    return this.#header.byteLength === 0 && this.#file === undefined && this.#zeros === 0;
  }

  #readSome(into: Uint8Array, at: number): number {
    if (this.#header.byteLength > 0) {
      const part = this.#header.subarray(0, into.byteLength - at);
      into.set(part, at);
      this.#header = this.#header.subarray(part.byteLength);
      return part.byteLength;
    }
    if (this.#file !== undefined) {
      const length = Math.min(into.byteLength - at, this.#fileSize - this.#filePosition);
      this.#file.read(this.#filePosition, into.subarray(at, at + length));
      this.#filePosition += length;
      if (this.#filePosition === this.#fileSize) this.close();
      return length;
    }
    const zeros = Math.min(into.byteLength - at, this.#zeros);
    into.fill(0, at, at + zeros);
    this.#zeros -= zeros;
    return zeros;
  }

  #nextEntry(): void {
    const next = this.#entries.next();
    if (next.done === true) {
      this.#noMoreEntries = true;
      this.#zeros = this.#end(this.#size);
      return;
    }
    const { entry, open } = next.value;
    this.#header = this.#encodeHeader(entry);
    if (entry.size > 0) {
      this.#file = open!();
      this.#fileSize = entry.size;
      this.#filePosition = 0;
    }
    this.#zeros = tarPadding(entry.size);
    this.#size += this.#header.byteLength + entry.size + this.#zeros;
  }
}
