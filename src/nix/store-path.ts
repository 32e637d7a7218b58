import { NixpushError } from '../base/errors.ts';

/** The logical store directory. Store paths are built for it, so an image can only have them there. */
export const STORE_DIR = '/nix/store';

/** `/nix/store/<hash>-<name>`, taken apart. */
export interface StorePath {
  readonly path: string;
  /** 32 nix32 digits. */
  readonly hash: string;
  /** For example `hello-2.12.1`. */
  readonly name: string;
}

const HASH_LENGTH = 32;
const MAX_NAME_LENGTH = 211;

/**
 * Strict, by the rules of Nix (manual, "Store Path"; checkName in libstore/path.cc): what passes here is safe to join
 * to a directory. Throws ERR_FORMAT that quotes the text and says which rule it breaks; `what` says who carried it, where that helps.
 */
export function parseStorePath(text: unknown, what?: string): StorePath {
  if (typeof text !== 'string') throw malformed(text, what, 'it is not a string');
  if (!text.startsWith(`${STORE_DIR}/`)) throw malformed(text, what, `it does not lie in ${STORE_DIR}`);
  const base = text.slice(STORE_DIR.length + 1);
  const reason = whyNotBaseName(base);
  if (reason !== undefined) throw malformed(text, what, reason);
  return { path: text, hash: base.slice(0, HASH_LENGTH), name: base.slice(HASH_LENGTH + 1) };
}

export function isStorePath(text: unknown): boolean {
  return (
    typeof text === 'string' &&
    text.startsWith(`${STORE_DIR}/`) &&
    whyNotBaseName(text.slice(STORE_DIR.length + 1)) === undefined
  );
}

/** The store path that `path`, an absolute normalised path in the store, is or lies in. Throws ERR_FORMAT. */
export function storePathOf(path: string): string {
  const end = path.indexOf('/', STORE_DIR.length + 1);
  return parseStorePath(end < 0 ? path : path.slice(0, end)).path;
}

function whyNotBaseName(base: string): string | undefined {
  if (base.includes('/')) return 'it is a path inside a store path';
  if (!/^[0-9a-z]{32}-/.test(base))
    return `its name does not begin with ${HASH_LENGTH} hash digits and a dash`;
  const foreign = /[eotu]/.exec(base.slice(0, HASH_LENGTH));
  if (foreign !== null) return `its hash has ${JSON.stringify(foreign[0])}, which Nix base 32 has not`;
  const name = base.slice(HASH_LENGTH + 1);
  if (name === '') return 'its name is empty';
  if (name.length > MAX_NAME_LENGTH) return `its name is longer than ${MAX_NAME_LENGTH} characters`;
  const odd = /[^0-9a-zA-Z+._?=-]/u.exec(name);
  if (odd !== null) return `its name has the character ${JSON.stringify(odd[0])}`;
  // Nix 2.21 and later: `.` and `..` as the whole name or as its first dash-separated part.
  if (/^\.{1,2}(-|$)/.test(name)) return 'its name begins with a dot component';
  return undefined;
}

function malformed(text: unknown, what: string | undefined, why: string): NixpushError {
  const shown = JSON.stringify(text) ?? 'nothing';
  const prefix = what === undefined ? '' : `${what}: `;
  return new NixpushError('ERR_FORMAT', `${prefix}${shown} is not a store path: ${why}`);
}
