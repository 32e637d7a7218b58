import { NixpushError } from '../base/errors.ts';
import { stepwise, type Steps } from '../base/steps.ts';
import type { ClosurePath } from './closure.ts';
import { parseNarHash } from './nar-hash.ts';
import { parseStorePath, STORE_DIR } from './store-path.ts';

/**
 * What `nix path-info --json` prints, in every shape it has had:
 *
 * - up to 2.18: `[{path, narHash, narSize, references, …}]`, an unknown path as `{path, valid: false}`;
 * - from 2.19 (`--json-format 1`): `{<path>: {narHash, …} | null}`;
 * - `--json-format 2` and 3, from 2.33: `{version, storeDir, info: {<base name>: {narHash: {…}, references: [<base name>]}}}`.
 *
 * exportReferencesGraph writes the first shape. Other keys are of no interest. References are passed on as they
 * are, a self reference among them. `what` names the origin in messages. Throws ERR_FORMAT, or ERR_NOT_FOUND for a
 * path that Nix does not know.
 */
export function* parsePathInfo(value: unknown, what: string): Steps<ClosurePath[]> {
  const infos: ClosurePath[] = [];
  yield* stepwise(parsed(value, what), (info) => infos.push(info));
  return infos;
}

function* parsed(value: unknown, what: string): Generator<ClosurePath> {
  if (Array.isArray(value)) {
    for (const entry of value) yield parseListed(entry, what);
    return;
  }
  const object = asObject(value, what);
  if ('info' in object) yield* parseVersioned(object, what);
  else for (const [path, info] of Object.entries(object)) yield parseEntry(path, info, what);
}

function parseListed(entry: unknown, what: string): ClosurePath {
  const info = asObject(entry, what);
  return parseEntry(info['path'], info['valid'] === false ? null : info, what);
}

function* parseVersioned(object: Record<string, unknown>, what: string): Generator<ClosurePath> {
  const { version, storeDir = STORE_DIR, info } = object;
  if (version !== 2 && version !== 3) {
    throw new NixpushError(
      'ERR_FORMAT',
      `${what}: format version ${JSON.stringify(version) ?? 'missing'} of \`nix path-info --json\` is not known`,
      { hint: 'Write it with `nix path-info --recursive --json --json-format 2`.' },
    );
  }
  requireStoreDir(storeDir, what);
  const toPath = (reference: unknown): unknown =>
    typeof reference === 'string' ? `${STORE_DIR}/${reference}` : reference;
  for (const [base, entry] of Object.entries(asObject(info, `${what}: key info`)))
    yield parseEntry(`${STORE_DIR}/${base}`, entry, what, toPath);
}

function parseEntry(
  key: unknown,
  value: unknown,
  what: string,
  toPath: (reference: unknown) => unknown = (reference) => reference,
): ClosurePath {
  const { path } = parseStorePath(key, what);
  if (value === null) {
    throw new NixpushError('ERR_NOT_FOUND', `${what}: ${path} is not valid: Nix does not have it`, {
      path,
      hint: `Get it with \`nix-store --realise ${path}\`.`,
    });
  }
  const info = asObject(value, `${what}: ${path}`);
  return {
    path,
    narHash: parseNarHash(required(info, 'narHash', path, what), `${what}: ${path}: narHash`),
    narSize: parseNarSize(required(info, 'narSize', path, what), `${what}: ${path}: narSize`),
    references: parseReferences(required(info, 'references', path, what), path, what, toPath),
  };
}

function parseReferences(
  value: unknown,
  path: string,
  what: string,
  toPath: (reference: unknown) => unknown,
): string[] {
  const where = `${what}: ${path}: references`;
  if (!Array.isArray(value)) throw new NixpushError('ERR_FORMAT', `${where}: not a list`, { path });
  return value.map((reference: unknown) => parseStorePath(toPath(reference), where).path);
}

/** Bytes. Throws ERR_FORMAT. */
export function parseNarSize(value: unknown, what: string): number {
  // Nix writes 0 where it never learned the size; no NAR is that short.
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw new NixpushError('ERR_FORMAT', `${what}: ${JSON.stringify(value)} is not a number of bytes`);
}

function required(info: Record<string, unknown>, key: string, path: string, what: string): unknown {
  if (info[key] !== undefined) return info[key];
  throw new NixpushError('ERR_FORMAT', `${what}: ${path} has no ${key}`, { path });
}

function requireStoreDir(storeDir: unknown, what: string): void {
  if (storeDir === STORE_DIR) return;
  throw new NixpushError(
    'ERR_FORMAT',
    `${what}: it describes the store ${JSON.stringify(storeDir)}; only ${STORE_DIR} can be pushed`,
  );
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new NixpushError('ERR_FORMAT', `${what}: it is not what \`nix path-info --json\` prints`);
}
