import { NixpushError } from '../../../base/errors.ts';
import { backoffMs } from '../retry.ts';
import type { ChunkOptions } from './chunk.ts';
import type { UploadMode } from './learned-limits.ts';
import { mentions, remedyFor } from './remedy.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

const FALLBACK_ORDER: readonly UploadMode[] = ['stream', 'chunk', 'mono'];

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
  #digestRefused = false;

  constructor(task: UploadTask) {
    const { policy, source, learned } = task;
    this.#task = task;
    this.#refused = new Set(learned.refused);
    this.chunkBytes = Math.min(policy.chunkBytes, below(learned.tooLarge));
    const small =
      source.id !== undefined && source.id.size <= Math.min(policy.monolithicBytes, below(learned.tooLarge));
    const first: UploadMode = small
      ? 'mono'
      : learned.tooLarge < Number.POSITIVE_INFINITY
        ? 'chunk'
        : 'stream';
    this.mode = this.#refused.has(first) ? (this.#otherMode() ?? first) : first;
  }

  /** The mode for this session, whose registry may have said how long a body may be. */
  modeFor(session: UploadSession): UploadMode {
    const size = this.#task.source.id?.size ?? Number.POSITIVE_INFINITY;
    return size > session.chunkMax ? 'chunk' : this.mode;
  }

  chunksFor(session: UploadSession): ChunkOptions {
    const bytes = Math.min(Math.max(this.chunkBytes, session.chunkMin), session.chunkMax);
    return { bytes, ownConnections: this.#restarts > 0 };
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
    const lasting = error instanceof NixpushError && (error.status === 405 || error.status === 411);
    const refused: UploadMode[] = isMethodRefused(error) && mode !== 'mono' ? ['stream', 'chunk'] : [mode];
    for (const each of refused) {
      this.#refused.add(each);
      if (lasting) this.#task.learned.refused.add(each);
    }
    this.#switchTo(this.#otherMode(), error);
  }

  #makeSmaller(error: unknown, mode: UploadMode): void {
    const { learned, policy, source } = this.#task;
    const tried = mode === 'chunk' ? this.chunkBytes : (source.id?.size ?? Number.POSITIVE_INFINITY);
    learned.sawTooLarge(tried);
    this.chunkBytes = Math.min(this.chunkBytes, below(tried));
    if (this.chunkBytes < policy.smallestChunkBytes || this.#refused.has('chunk')) throw error;
    this.#switchTo('chunk', error);
  }

  async #restart(error: unknown, mode: UploadMode): Promise<void> {
    const { policy, signal, onWait } = this.#task;
    const digestInvalid = mentions(error, 'DIGEST_INVALID');
    if (this.#restarts >= policy.restarts || (digestInvalid && this.#digestRefused)) throw error;
    this.#digestRefused ||= digestInvalid;
    const milliseconds = backoffMs(this.#restarts, policy.clock.random());
    onWait?.(error instanceof Error ? error.message : 'the upload broke', milliseconds);
    await policy.clock.sleep(milliseconds, signal);
    this.#restarts += 1;
    this.#inMode += 1;
    // A chunk that never gets through may get through in parts.
    if (mode === 'chunk') this.chunkBytes = Math.max(below(this.chunkBytes), policy.smallestChunkBytes);
    else if (this.#inMode >= 2 || digestInvalid) this.#switchTo(this.#otherMode(mode) ?? mode, error);
  }

  /** The first mode that has not been refused and is not `except`. */
  #otherMode(except?: UploadMode): UploadMode | undefined {
    return FALLBACK_ORDER.find((mode) => mode !== except && !this.#refused.has(mode));
  }

  #switchTo(mode: UploadMode | undefined, error: unknown): void {
    if (mode === undefined) throw error;
    this.mode = mode;
    this.#inMode = 0;
  }
}

/** Half, which is certain to be below. */
function below(bytes: number): number {
  return Math.floor(bytes / 2);
}

/** PATCH is not known here at all, with a range or without. */
function isMethodRefused(error: unknown): boolean {
  return error instanceof NixpushError && [405, 501].includes(error.status ?? 0);
}
