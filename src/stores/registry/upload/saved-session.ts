import type { Checkpoint } from '../../../base/checkpoint.ts';

/** An upload session as it is written down. The Location may be signed, and is as good as a password then. */
export interface SavedSession {
  readonly location: string;
  /** Bytes that the registry has certainly. */
  readonly acknowledged: number;
  /** Of the bytes that were made, which may be more than were sent. */
  readonly checkpoint?: Checkpoint;
  readonly chunkMin: number;
  readonly chunkMax?: number;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
  /** The process that wrote it, and where that id means something. */
  readonly pid: number;
  readonly scope: string;
}

/** undefined if it is not one. */
export function parseSession(value: unknown): SavedSession | undefined {
  const document = (value ?? {}) as Partial<Record<keyof SavedSession | 'version', unknown>>;
  const { version, location, acknowledged, checkpoint, chunkMin, chunkMax, savedAt, pid, scope } = document;
  const isWhole =
    version === 1 &&
    typeof location === 'string' &&
    typeof scope === 'string' &&
    [acknowledged, chunkMin, savedAt, pid].every(isCount) &&
    (chunkMax === undefined || isCount(chunkMax)) &&
    (checkpoint === undefined || isCheckpoint(checkpoint));
  return isWhole ? (document as SavedSession) : undefined;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCheckpoint(value: unknown): boolean {
  const { offset, hash } = (value ?? {}) as Record<string, unknown>;
  return isCount(offset) && typeof hash === 'string';
}
