import { NixpushError } from '../../../base/errors.ts';
import { backoffMs } from '../retry.ts';
import type { ChunkOptions } from './chunk.ts';
import { mentions, remedyFor } from './remedy.ts';
import { UPLOAD_MODES, type UploadMode } from './upload-mode.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

/**
 * How the next session is used, and whether there is a next one (state RESTART). Modes that are refused are left out
 * for the rest of the upload; failures that may pass by themselves are repeated after a pause, at most `restarts` times.
 */
export class UploadPlan {
  mode: UploadMode;
  /** Bytes. */
  chunkBytes: number;
  readonly #task: UploadTask;
  readonly #refused: Set<UploadMode>;
  #restarts = 0;
  /** Restarts since the mode was chosen. */
  #inMode = 0;
  /** Restarts because a connection broke. */
  #breaks = 0;
  #digestRefused = false;

  constructor(task: UploadTask) {
    const { policy, source, profile } = task;
    const { refused, tooLarge, gotThrough = Number.POSITIVE_INFINITY } = profile.facts;
    this.#task = task;
    this.#refused = new Set(policy.mode === undefined ? refused : others(policy.mode));
    const { bodyBytes = Number.POSITIVE_INFINITY } = policy;
    const most = Math.min(below(tooLarge), gotThrough, bodyBytes);
    const wanted = Number.isFinite(bodyBytes) ? bodyBytes : policy.chunkBytes;
    this.chunkBytes = Math.max(Math.min(wanted, most), Math.min(policy.smallestChunkBytes, bodyBytes));
    const size = source.id?.size ?? Number.POSITIVE_INFINITY;
    const isSmall = size <= Math.min(policy.monolithicBytes, most);
    const isLimited = Number.isFinite(most);
    const first: UploadMode = isSmall ? 'monolithic' : isLimited ? 'chunk' : 'stream';
    this.mode = this.#refused.has(first) ? (this.#otherMode() ?? first) : first;
  }

  /** The mode for this session, whose registry may have said how long a body may be. */
  modeFor(session: UploadSession): UploadMode {
    const size = this.#task.source.id?.size ?? Number.POSITIVE_INFINITY;
    return size > session.chunkMax && !this.#refused.has('chunk') ? 'chunk' : this.mode;
  }

  chunksFor(session: UploadSession): ChunkOptions {
    const { chunkMin = 0, rangeTooLarge, gotThrough } = this.#task.profile.facts;
    const least = Math.max(session.chunkMin, chunkMin);
    const most = Math.min(session.chunkMax, (rangeTooLarge ?? Number.POSITIVE_INFINITY) - 1);
    return {
      bytes: Math.min(Math.max(this.chunkBytes, least), most),
      ownConnections: this.#restarts > 0 || gotThrough !== undefined,
    };
  }

  /** The blob got through in `mode`: what had to be done for it is remembered. */
  succeeded(mode: UploadMode): void {
    if (mode === 'chunk' && this.#breaks >= 2) this.#task.profile.sawThrough(this.chunkBytes);
  }

  /** After a failure in `mode`: prepares the next try, or throws `error` if there is none. Waits as needed. */
  async next(error: unknown, mode: UploadMode): Promise<void> {
    switch (remedyFor(error, mode)) {
      case 'give-up':
        throw error;
      case 'other-mode':
        return this.#changeMode(error, mode);
      case 'smaller':
        return this.#makeSmaller(error, mode);
      case 'recover':
      case 'restart':
        return this.#restart(error, mode);
    }
  }

  #changeMode(error: unknown, mode: UploadMode): void {
    const lasting = [405, 411].includes(statusOf(error) ?? 0);
    const refused: UploadMode[] =
      isMethodRefused(error) && mode !== 'monolithic' ? ['stream', 'chunk'] : [mode];
    for (const each of refused) {
      this.#refused.add(each);
      if (lasting) this.#task.profile.sawRefused(each);
    }
    this.#switchTo(this.#otherMode(), error);
  }

  #makeSmaller(error: unknown, mode: UploadMode): void {
    const { profile, policy, source } = this.#task;
    const tried = mode === 'chunk' ? this.chunkBytes : source.id?.size;
    if (mode === 'chunk' && statusOf(error) === 416) profile.sawRangeTooLarge(this.chunkBytes);
    else if (tried !== undefined) profile.sawTooLarge(tried);
    else profile.sawRefused(mode);
    this.chunkBytes = Math.min(this.chunkBytes, below(tried));
    if (this.chunkBytes < policy.smallestChunkBytes || this.#refused.has('chunk')) throw error;
    this.#switchTo('chunk', error);
  }

  async #restart(error: unknown, mode: UploadMode): Promise<void> {
    const { client, policy, signal, onWait } = this.#task;
    const digestInvalid = mentions(error, 'DIGEST_INVALID');
    if (this.#restarts >= policy.restarts || (digestInvalid && this.#digestRefused)) throw error;
    this.#digestRefused ||= digestInvalid;
    const milliseconds = backoffMs(this.#restarts, policy.clock.random());
    const reason = error instanceof Error ? error.message : 'the upload broke';
    onWait?.(reason, milliseconds, client.maxWaitMs);
    await policy.clock.sleep(milliseconds, signal);
    this.#restarts += 1;
    this.#inMode += 1;
    if (isBreak(error)) this.#breaks += 1;
    // A chunk that never gets through may get through in parts.
    if (mode === 'chunk') this.chunkBytes = Math.max(below(this.chunkBytes), policy.smallestChunkBytes);
    else if (this.#inMode >= 2 || digestInvalid) this.#switchTo(this.#otherMode(mode) ?? mode, error);
  }

  /** The first mode that has not been refused and is not `except`. */
  #otherMode(except?: UploadMode): UploadMode | undefined {
    return UPLOAD_MODES.find((mode) => mode !== except && !this.#refused.has(mode));
  }

  #switchTo(mode: UploadMode | undefined, error: unknown): void {
    if (mode === undefined) throw error;
    this.mode = mode;
    this.#inMode = 0;
  }
}

/** Half, which is certain to be below. */
function below(bytes: number = Number.POSITIVE_INFINITY): number {
  return Math.floor(bytes / 2);
}

function others(mode: UploadMode): UploadMode[] {
  return UPLOAD_MODES.filter((each) => each !== mode);
}

function statusOf(error: unknown): number | undefined {
  return error instanceof NixpushError ? error.status : undefined;
}

/** The connection, not the registry's opinion. */
function isBreak(error: unknown): boolean {
  return error instanceof NixpushError && error.code === 'ERR_NETWORK';
}

/** PATCH is not known here at all, with a range or without. */
function isMethodRefused(error: unknown): boolean {
  return [405, 501].includes(statusOf(error) ?? 0);
}
