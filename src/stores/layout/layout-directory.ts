import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ioError, NixpushError } from '../../base/errors.ts';
import { removeAbandonedFiles, OWN_PREFIX, writeFileAtomically } from './atomic-file.ts';
import { emptyIndex, encodeIndex } from './layout-index.ts';
import { withLock } from './lock.ts';
import { readSmallFile } from './open-file.ts';

/** The only version there is (image-spec, image-layout.md). */
const VERSION = '1.0.0';

/** The file that is locked while index.json changes. */
export function lockPath(directory: string): string {
  return join(directory, `${OWN_PREFIX}lock`);
}

/**
 * Whether `directory` holds a layout, or nothing yet. Throws ERR_FORMAT if it holds something else or a layout of
 * an unknown version, and ERR_IO. `place` names it in messages.
 */
export async function layoutState(directory: string, place: string): Promise<'layout' | 'empty' | 'missing'> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw ioError(error, 'cannot read', place);
  }
  if (names.includes('oci-layout')) {
    await checkVersion(join(directory, 'oci-layout'), place);
    return 'layout';
  }
  // Another process may be about to make the layout.
  if (names.every((name) => name.startsWith(OWN_PREFIX))) return 'empty';
  throw new NixpushError('ERR_FORMAT', `${place} is a directory with other content, not an image layout`, {
    path: directory,
    hint: 'Name a new or empty directory.',
  });
}

/** Makes an empty, valid layout of a missing or empty directory, and tidies up one that is there. */
export async function prepareLayout(directory: string, place: string, signal?: AbortSignal): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await withLock(
      lockPath(directory),
      async () => {
        if ((await layoutState(directory, place)) === 'empty') {
          const version = Buffer.from(JSON.stringify({ imageLayoutVersion: VERSION }));
          await writeSmallFile(directory, 'oci-layout', version, place);
        }
        await removeAbandonedFiles(directory);
        await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
        if (!(await readdir(directory)).includes('index.json')) {
          await writeSmallFile(directory, 'index.json', encodeIndex(emptyIndex()), place);
        }
      },
      signal,
    );
  } catch (error) {
    throw ioError(error, 'cannot write', place);
  }
}

/** `name` appears in `directory` with all of its content, or not at all. */
export async function writeSmallFile(
  directory: string,
  name: string,
  bytes: Uint8Array,
  place: string,
): Promise<void> {
  await writeFileAtomically(directory, place, async (write) => {
    await write(bytes);
    return join(directory, name);
  });
}

async function checkVersion(path: string, place: string): Promise<void> {
  const text = (await readSmallFile(path, 64 * 1024)).toString('utf8');
  let version: unknown;
  try {
    ({ imageLayoutVersion: version } = JSON.parse(text) as { imageLayoutVersion?: unknown });
  } catch (error) {
    throw new NixpushError('ERR_FORMAT', `${path} is not JSON`, { path, cause: error });
  }
  if (version === VERSION) return;
  const found = JSON.stringify(version) ?? 'none';
  throw new NixpushError('ERR_FORMAT', `${place} has image layout version ${found} instead of "${VERSION}"`, {
    path,
  });
}
