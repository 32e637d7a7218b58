import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../../../base/checkpoint.ts';
import { isAlive, processScope } from '../../../base/process-scope.ts';
import type { BlobSource } from '../../image-store.ts';
import type { Clock } from '../clock.ts';
import { writePrivateFile } from '../private-file.ts';
import { parseSession, type SavedSession } from './saved-session.ts';
import type { UploadSession } from './upload-session.ts';

/** Registries forget sessions after hours or days. */
const LIFE_MS = 12 * 3_600_000;
/** A process of which we cannot know whether it lives writes at least so often while it gets anywhere. */
const SILENT_MS = 5 * 60_000;
/** How often a stream is noted, of which the registry acknowledges nothing before its end. */
const NOTE_MS = 1000;

export interface Upload {
  readonly host: string;
  readonly repository: string;
  readonly source: BlobSource;
}

/** Files of uploads that go on in this process. */
const inUse = new Set<string>();
const swept = new Set<string>();

/**
 * The session of one upload, written down while it goes on, so that a process that is killed can be followed by one
 * that sends only the rest. Never fails: an upload that cannot be noted is only not resumed.
 */
export class SessionFile {
  readonly #path: string;
  readonly #source: BlobSource;
  readonly #clock: Clock;
  #earlier: SavedSession | undefined;
  #latest: { session: UploadSession; acknowledged: number } | undefined;
  #notedAt = 0;
  #isDue = false;
  #writing: Promise<void> | undefined;

  private constructor(path: string, source: BlobSource, clock: Clock, earlier: SavedSession | undefined) {
    this.#path = path;
    this.#source = source;
    this.#clock = clock;
    this.#earlier = earlier;
  }

  /**
   * The file for an upload below `directory`. undefined if the blob has no name yet, or another process that still
   * runs is at the same upload.
   */
  static async open(directory: string, upload: Upload, clock: Clock): Promise<SessionFile | undefined> {
    const { host, repository, source } = upload;
    const key = source.key ?? source.id?.digest;
    if (key === undefined) return undefined;
    const name = createHash('sha256').update(`${host}\n${repository}\n${key}`).digest('hex');
    const uploads = join(directory, 'uploads');
    const path = join(uploads, name);
    if (inUse.has(path)) return undefined;
    inUse.add(path);
    await sweep(uploads, clock.now());
    const earlier = await claim(path, clock.now());
    if (earlier !== 'taken') return new SessionFile(path, source, clock, earlier);
    inUse.delete(path);
    return undefined;
  }

  /** Where an earlier process was when it ended. */
  get earlier(): SavedSession | undefined {
    return this.#earlier;
  }

  /** The registry has acknowledged so many bytes in `session`. */
  acknowledged(session: UploadSession, acknowledged: number): void {
    this.#latest = { session, acknowledged };
    this.#note();
  }

  /** Bytes go by; now and then it is noted how many. */
  goingOn(): void {
    if (this.#clock.now() - this.#notedAt >= NOTE_MS) this.#note();
  }

  /** The session is over, well or not. */
  async forget(): Promise<void> {
    this.#latest = undefined;
    this.#earlier = undefined;
    await this.#writing;
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  /** What is noted stays for a later process. */
  async close(): Promise<void> {
    await this.#writing;
    inUse.delete(this.#path);
  }

  #note(): void {
    this.#notedAt = this.#clock.now();
    this.#isDue = true;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    while (this.#isDue && this.#latest !== undefined) {
      this.#isDue = false;
      const saved = this.#saved(this.#latest.session, this.#latest.acknowledged, this.#source.checkpoint);
      await writePrivateFile(this.#path, JSON.stringify(saved)).catch(() => undefined);
    }
  }

  #saved(
    session: UploadSession,
    acknowledged: number,
    checkpoint: Checkpoint | undefined,
  ): SavedSession & { version: 1 } {
    return {
      version: 1,
      location: session.location.href,
      acknowledged,
      chunkMin: session.chunkMin,
      ...(Number.isFinite(session.chunkMax) && { chunkMax: session.chunkMax }),
      ...(checkpoint !== undefined && { checkpoint }),
      savedAt: this.#clock.now(),
      pid: process.pid,
      scope: processScope(),
    };
  }
}

/** Takes over what an earlier process left; of several processes that want it one gets it. */
async function claim(path: string, now: number): Promise<SavedSession | 'taken' | undefined> {
  const found = await read(path);
  if (found === undefined) return undefined;
  if (isOwned(found, now)) return 'taken';
  const claimed = `${path}.${process.pid}.tmp`;
  try {
    await rename(path, claimed);
  } catch {
    return 'taken';
  }
  const taken = await read(claimed);
  await rm(claimed, { force: true }).catch(() => undefined);
  if (taken === undefined || taken.savedAt !== found.savedAt || taken.pid !== found.pid) return 'taken';
  return now - taken.savedAt < LIFE_MS ? taken : undefined;
}

function isOwned({ pid, scope, savedAt }: SavedSession, now: number): boolean {
  if (scope !== processScope()) return now - savedAt < SILENT_MS;
  return pid !== process.pid && isAlive(pid);
}

async function read(path: string): Promise<SavedSession | undefined> {
  try {
    return parseSession(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Removes what nobody came back for, once in a process. */
async function sweep(directory: string, now: number): Promise<void> {
  if (swept.has(directory)) return;
  swept.add(directory);
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    const written = await stat(path).catch(() => undefined);
    if (written !== undefined && now - written.mtimeMs > LIFE_MS)
      await rm(path, { force: true }).catch(() => undefined);
  }
}
