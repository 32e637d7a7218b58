import { randomBytes } from 'node:crypto';
import { open, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { abortError, NixpushError } from '../../base/errors.ts';
import { isAlive, processScope } from '../../base/process-scope.ts';

/** The lock is held for a read and a write of index.json; who holds it for so long hangs or is gone. */
const STALE_AFTER_MS = 30_000;
const GIVE_UP_AFTER_MS = 60_000;

interface LockContent {
  token: string;
  pid: number;
  /** Where `pid` means something. */
  scope: string;
}

/** Says whether the lock is still ours; a process that was stopped for long may have lost it. */
export interface HeldLock {
  isHeld(): Promise<boolean>;
}

/**
 * Runs `action` while no other process that does the same is in its own. The lock is a file that is created
 * exclusively; one whose process is gone is broken. Throws ERR_IO if it cannot be had within a minute.
 */
export async function withLock<Result>(
  path: string,
  action: (lock: HeldLock) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const token = randomBytes(9).toString('base64url');
  await acquire(path, token, signal);
  const isHeld = async (): Promise<boolean> => (await readLock(path))?.token === token;
  try {
    return await action({ isHeld });
  } finally {
    if (await isHeld()) await rm(path, { force: true });
  }
}

async function acquire(path: string, token: string, signal: AbortSignal | undefined): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  while (!(await tryCreate(path, { token, pid: process.pid, scope: processScope() }))) {
    if (signal?.aborted === true) throw abortError(signal);
    if (Date.now() > giveUpAt) {
      throw new NixpushError('ERR_IO', `another process has held the lock ${path} for too long`, {
        path,
        hint: 'If no other push into this directory is running, remove the file.',
      });
    }
    await breakIfStale(path);
    // Uneven, so that waiting processes do not all come back at once.
    await delay(5 + Math.random() * 20);
  }
}

/** A process killed between the two steps leaves an empty lock, which grows stale like any other. */
async function tryCreate(path: string, content: LockContent): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await handle.writeFile(JSON.stringify(content));
    return true;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Removes a lock whose process is gone. Only one process at a time may look and remove, under a second file: else
 * a slow one could remove the new lock of a quick one that had broken the same stale lock before.
 */
async function breakIfStale(path: string): Promise<void> {
  if (!(await isStale(path))) return;
  const breaking = `${path}.break`;
  if (await isOld(breaking)) await rm(breaking, { force: true });
  const handle = await open(breaking, 'wx').catch(() => undefined);
  if (handle === undefined) return;
  try {
    if (await isStale(path)) await rm(path, { force: true });
  } finally {
    await handle.close();
    await rm(breaking, { force: true });
  }
}

async function isStale(path: string): Promise<boolean> {
  const content = await readLock(path);
  if (content?.scope === processScope() && !isAlive(content.pid)) return true;
  return isOld(path);
}

async function isOld(path: string): Promise<boolean> {
  const made = await stat(path).catch(() => undefined);
  return made !== undefined && Date.now() - made.mtimeMs > STALE_AFTER_MS;
}

async function readLock(path: string): Promise<LockContent | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockContent;
  } catch {
    // Gone, or not written yet.
    return undefined;
  }
}
