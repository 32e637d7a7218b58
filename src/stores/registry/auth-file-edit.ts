import { realpath } from 'node:fs/promises';
import { ioError } from '../../base/errors.ts';
import {
  helperFor,
  normalizeKey,
  parseAuthFile,
  parseAuthText,
  readAuthText,
  serverUrlOf,
} from './auth-file.ts';
import { eraseFromHelper, storeInHelper } from './credential-helper.ts';
import type { Environment } from './credential.ts';
import { writePrivateFile } from './private-file.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** As docker and podman indent the file when they write it. */
const INDENTATION = '\t';

/**
 * Keeps a login for `host` where the file at `path` says: with the helper program it names, else in the file itself,
 * which is made if need be. All else in it stays. Returns what holds the login now: the program or the file.
 * Throws ERR_IO, ERR_FORMAT, ERR_COMMAND.
 */
export async function storeLogin(
  path: string,
  host: string,
  login: Login,
  env: Environment,
  signal?: AbortSignal,
): Promise<string> {
  const document = await readDocument(path);
  const helper = helperFor(parseAuthFile(document), [host]);
  if (helper !== undefined) {
    const program = await storeInHelper(helper.value, serverUrlOf(host), login, env, signal);
    // As docker does: the empty entry says that there is a login; an old password must not stay.
    await writeDocument(path, withEntry(document, host, {}));
    return program;
  }
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  await writeDocument(path, withEntry(document, host, { auth }));
  return path;
}

/**
 * Removes the login for `host` from the file at `path` and from the helper program it names. Returns what held one.
 * Throws ERR_IO, ERR_FORMAT, ERR_COMMAND.
 */
export async function removeLogin(
  path: string,
  host: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<string[]> {
  const document = await readDocument(path);
  const file = parseAuthFile(document);
  const removed: string[] = [];
  const helper = helperFor(file, [host]);
  if (helper !== undefined) {
    const program = await eraseFromHelper(helper.value, serverUrlOf(host), env, signal);
    if (program !== undefined) removed.push(program);
  }
  const entry = file.auths.get(host);
  if (entry === undefined) return removed;
  await writeDocument(path, withEntry(document, host, undefined));
  if (Object.keys(entry.value).length > 0) removed.push(path);
  return removed;
}

type Document = Record<string, unknown>;

async function readDocument(path: string): Promise<Document> {
  const text = await readAuthText(path);
  return text === undefined || text.trim() === '' ? {} : parseAuthText(text, path);
}

/** All keys that mean the host are replaced by one: else the tools would not agree on which of them counts. */
function withEntry(document: Document, host: string, entry: object | undefined): Document {
  const { auths } = document;
  const others = Object.entries(typeof auths === 'object' && auths !== null ? auths : {}).filter(
    ([key]) => normalizeKey(key) !== host,
  );
  const added = entry === undefined ? [] : [[serverUrlOf(host), entry] as const];
  return { ...document, auths: Object.fromEntries([...others, ...added]) };
}

/** A link, as into a directory of dotfiles, stays one. */
async function writeDocument(path: string, document: Document): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path);
    await writePrivateFile(target, `${JSON.stringify(document, undefined, INDENTATION)}\n`);
  } catch (error) {
    throw ioError(error, 'cannot write', path);
  }
}
