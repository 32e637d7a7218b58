import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { FileCache } from '../base/file-cache.ts';
import { cacheDirectory } from '../base/cache-directory.ts';

/** Of as many builds of nixpush, with as many versions of Node, used last. Each takes a megabyte. */
const MOST_BUILDS = 4;

/**
 * Runs a large file of CommonJS as `require` does, with what V8 made of it the last time: to compile it, and its functions
 * when they are first called, takes longer than an unchanged push does. Node's own compile cache lacks the functions
 * that are called after a file is loaded, and Node 20 has none. `file` is one function, in ASCII, that imports nothing late.
 */
export function runCompiled(file: string, module: NodeJS.Module, require: NodeJS.Require): void {
  const run = compiled(file).runInThisContext() as CommonJs;
  run.call(module.exports, module.exports, require, module, file);
}

type CommonJs = (exports: unknown, require: NodeJS.Require, module: NodeJS.Module, filename: string) => void;

function compiled(file: string): Script {
  const source = readFileSync(file, 'latin1');
  const options = { filename: file };
  const directory = join(cacheDirectory(), 'compiled');
  if (!isOurs(directory)) return new Script(source, options);

  const cache = new FileCache(directory, MOST_BUILDS);
  const { ino, ctimeNs } = statSync(file, { bigint: true });
  // V8 compares no more than the length of the text; its own version, and its options, it compares itself.
  const key = [file, ino, ctimeNs, process.version, process.arch].join('\n');
  const cachedData = intact(cache.readBytes(key));
  if (cachedData !== undefined) {
    const script = new Script(source, { ...options, cachedData });
    if (script.cachedDataRejected === false) return script;
  }
  const script = withAllFunctions(() => new Script(source, options));
  const made = script.createCachedData();
  cache.write(key, Buffer.concat([checksum(made), made]));
  return script;
}

/** V8 takes what it is given for whole, and crashes where that is damaged. */
function intact(kept: Buffer | undefined): Buffer | undefined {
  const data = kept?.subarray(CHECKSUM_BYTES);
  return data !== undefined && checksum(data).equals(kept!.subarray(0, CHECKSUM_BYTES)) ? data : undefined;
}

const CHECKSUM_BYTES = 32;

function checksum(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** V8 compiles a function when it is first called, unless told otherwise. */
function withAllFunctions(compile: () => Script): Script {
  setFlagsFromString('--no-lazy');
  try {
    return compile();
  } finally {
    setFlagsFromString('--lazy');
  }
}

/** Whether this user can write there, and nobody else: what lies there is run. */
function isOurs(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK);
    const { uid, mode } = statSync(directory);
    return uid === process.geteuid?.() && (mode & 0o022) === 0;
  } catch {
    return false;
  }
}
