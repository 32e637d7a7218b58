import { NixpushError } from '../base/errors.ts';
import type { Steps } from '../base/steps.ts';
import type { ClosurePath } from './closure.ts';
import { parseNarHash } from './nar-hash.ts';
import { parseNarSize } from './path-info.ts';
import { parseStorePath } from './store-path.ts';

/**
 * The text that `nix-store --dump-db` and nixpkgs' closureInfo write and `nix-store --load-db` reads, for each path
 * one item a line: path, NAR hash (closureInfo: `sha256:<nix32>`; Nix: bare hex), NAR size, deriver or an empty line,
 * number of references, the references. Throws ERR_FORMAT with the line number.
 */
export function* parseRegistration(text: string, what: string): Steps<ClosurePath[]> {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const reader = new LineReader(lines, what);
  const infos: ClosurePath[] = [];
  while (!reader.atEnd) {
    infos.push(parseEntry(reader));
    yield;
  }
  return infos;
}

function parseEntry(lines: LineReader): ClosurePath {
  const { path } = parseStorePath(lines.next(), lines.where);
  const hash = lines.next();
  const narHash = parseNarHash(hash.includes(':') ? hash : `sha256:${hash}`, lines.where);
  const narSize = parseNarSize(parseInteger(lines.next(), lines.where), lines.where);
  lines.next(); // the deriver, of no interest
  const count = parseInteger(lines.next(), lines.where);
  const references: string[] = [];
  while (references.length < count) references.push(parseStorePath(lines.next(), lines.where).path);
  return { path, narHash, narSize, references };
}

class LineReader {
  readonly #lines: readonly string[];
  readonly #what: string;
  #at = 0;

  constructor(lines: readonly string[], what: string) {
    this.#lines = lines;
    this.#what = what;
  }

  get atEnd(): boolean {
    return this.#at === this.#lines.length;
  }

  /** The line that `next` returned last, for messages. */
  get where(): string {
    return `${this.#what}, line ${this.#at}`;
  }

  next(): string {
    const line = this.#lines[this.#at];
    if (line === undefined) {
      throw new NixpushError('ERR_FORMAT', `${this.#what}: the registration ends in the middle of an entry`);
    }
    this.#at += 1;
    return line;
  }
}

function parseInteger(text: string, where: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new NixpushError('ERR_FORMAT', `${where}: ${JSON.stringify(text)} is not a number`);
}
