import { NixpushError } from '../base/errors.ts';
import type { ClosurePath } from './closure.ts';
import { parseNarHash } from './nar-hash.ts';
import { parseNarSize } from './path-info.ts';
import { parseStorePath } from './store-path.ts';

/**
 * The text that `nix-store --dump-db` and nixpkgs' closureInfo write and `nix-store --load-db` reads, for each path
 * one item a line: path, NAR hash (closureInfo: `sha256:<nix32>`; Nix: bare hex), NAR size, deriver or an empty line,
 * number of references, the references. Throws ERR_FORMAT with the line number.
 */
export function parseRegistration(text: string, what: string): ClosurePath[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const infos: ClosurePath[] = [];
  for (let at = 0; at < lines.length;) {
    const where = (offset: number): string => `${what}, line ${at + offset + 1}`;
    const [path, hash, size, deriver, count] = lines.slice(at, at + 5);
    if (deriver === undefined || count === undefined) throw endsEarly(what);
    const references = lines.slice(at + 5, at + 5 + parseInteger(count, where(4)));
    if (references.length < parseInteger(count, where(4))) throw endsEarly(what);
    infos.push({
      path: parseStorePath(path, where(0)).path,
      narHash: parseNarHash(hash?.includes(':') ? hash : `sha256:${hash}`, where(1)),
      narSize: parseNarSize(parseInteger(size, where(2)), where(2)),
      references: references.map((reference, i) => parseStorePath(reference, where(5 + i)).path),
    });
    at += 5 + references.length;
  }
  return infos;
}

function parseInteger(text: string | undefined, where: string): number {
  if (text !== undefined && /^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new NixpushError('ERR_FORMAT', `${where}: ${JSON.stringify(text) ?? 'nothing'} is not a number`);
}

function endsEarly(what: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${what}: the registration ends in the middle of an entry`);
}
