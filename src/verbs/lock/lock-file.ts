import { readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseDigest, type Digest } from '../../base/digest.ts';
import { ioError, NixpushError, usageError } from '../../base/errors.ts';
import { isObject } from '../../image/parse-descriptor.ts';
import { sorted } from '../../image/sorted.ts';
import { writeFileAtomically } from '../../stores/layout/atomic-file.ts';
import { formatReference, parseReference, type RegistryReference } from '../../stores/reference.ts';

export const LOCK_FILE = 'nixpush.lock';

const VERSION = 1;

/** Digests by the full names of images: `docker.io/library/debian:12`. */
export type LockedDigests = ReadonlyMap<string, Digest>;

/** undefined if there is no such file. Throws ERR_FORMAT, ERR_IO. */
export async function readLockFile(file: string): Promise<LockedDigests | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'cannot read', file);
  }
  return parseLock(text, file);
}

function parseLock(text: string, file: string): LockedDigests {
  const wrong = (what: string): NixpushError =>
    new NixpushError('ERR_FORMAT', `${file} ${what}`, {
      path: file,
      hint: 'Make it again with nixpush lock REF…',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong('is not JSON');
  }
  if (!isObject(json) || !isObject(json['images'])) throw wrong('is not a lock file of nixpush');
  if (json['version'] !== VERSION) throw wrong(`is of version ${JSON.stringify(json['version'])}, not 1`);
  return new Map(
    Object.entries(json['images']).map(([name, entry]) => {
      if (formatReference(parseLockable(name)) !== name) throw wrong(`has ${name}, which is no full name`);
      return [name, parseDigest(isObject(entry) ? entry['digest'] : undefined, `${file}: ${name}`)];
    }),
  );
}

/** Names sorted, equal content in equal bytes, all at once. A link stays a link. Throws ERR_IO. */
export async function writeLockFile(file: string, digests: LockedDigests): Promise<void> {
  const images = Object.fromEntries([...digests].map(([name, digest]) => [name, { digest }]));
  const text = `${JSON.stringify({ version: VERSION, images: sorted(images) }, undefined, 2)}\n`;
  const target = await realpath(file).catch(() => file);
  await writeFileAtomically(dirname(target), file, async (write) => {
    await write(Buffer.from(text));
    return target;
  });
}

/** An image in a registry by a tag, which may move. */
export type LockableReference = RegistryReference & { readonly tag: string };

/** Throws ERR_USAGE for what no tag in a registry leads to. */
export function parseLockable(text: string): LockableReference {
  const reference = parseReference(text);
  if (reference.transport !== 'docker')
    throw usageError(`${text} is not in a registry`, 'Images in registries are locked: HOST/REPO:TAG.');
  if (reference.digest !== undefined)
    throw usageError(`${text} names its digest already`, 'Leave out the part from the @ on.');
  return { ...reference, tag: reference.tag ?? 'latest' };
}

/**
 * `text` with the digest that the lock file has for it; as it is if it names one itself. Throws ERR_NOT_FOUND if the file
 * does not have it, ERR_USAGE, ERR_FORMAT.
 */
export async function lockedReference(text: string, file: string): Promise<string> {
  if (parseReference(text).digest !== undefined) return text;
  const reference = parseLockable(text);
  const digest = (await readLockFile(file))?.get(formatReference(reference));
  if (digest !== undefined) return formatReference({ ...reference, digest });
  const option = file === LOCK_FILE ? '' : ` --file ${file}`;
  throw new NixpushError('ERR_NOT_FOUND', `${file} has no ${formatReference(reference)}`, {
    path: file,
    hint: `Add it with nixpush lock ${text}${option}.`,
  });
}
