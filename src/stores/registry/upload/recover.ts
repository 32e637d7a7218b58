import type { RegistryResponse } from '../client.ts';
import { mentions } from './remedy.ts';
import { withSignal } from '../repository.ts';
import type { UploadSession } from './upload-session.ts';
import { pushing, type UploadTask } from './upload-task.ts';

/** Milliseconds between questions to a registry that does not know yet what it has. */
const SETTLE_MS = [500, 1000, 2000, 4000];
/** Milliseconds in which the count of a registry grows that still writes down what reached it before the break. */
const GROW_MS = 100;

export interface Broken {
  /** Why the session has to be recovered; thrown again if it cannot be. */
  readonly error: unknown;
  /** Offset in the blob where the request began that failed. */
  readonly from: number;
  /** Recoveries before this one that brought nothing forward. */
  readonly attempt: number;
  /** Bytes that may be there at most. Default: those that this process has sent. */
  readonly most?: number;
}

/**
 * State RECOVER: asks the registry how many bytes it has. Gives the offset to go on from, never 0: a new session costs
 * no more then, and `Range: 0-0` may mean one byte or none (distribution-spec#578).
 */
export async function recoverOffset(
  task: UploadTask,
  session: UploadSession,
  broken: Broken,
): Promise<number> {
  const most = broken.most ?? task.meter.position;
  let offset = await askOffset(task, session, broken);
  for (const pause of settlePauses(task, most)) {
    if (offset !== undefined) break;
    await task.policy.clock.sleep(pause, task.signal);
    offset = await askOffset(task, session, broken);
  }
  if (offset === 'unsupported') {
    // ECR has no status but keeps the session. What it acknowledged is certain; the failed chunk is sent once more.
    if (broken.from > 0 && broken.attempt === 0) return broken.from;
    throw broken.error;
  }
  if (offset === undefined || offset > most) throw broken.error;
  // What an earlier process sent has arrived by now.
  if (broken.attempt === 0 && broken.most === undefined) {
    offset = await settledOffset(task, session, broken, offset);
  }
  // Less than what was acknowledged is rather a Range that is stuck or counts from the last chunk.
  return broken.attempt === 0 ? Math.max(offset, broken.from) : offset;
}

/**
 * It may not have noticed yet that the body broke off, and count what it has only then: a busy one takes seconds. The
 * more would have to be sent again, the longer it is worth waiting.
 */
function settlePauses({ policy }: UploadTask, most: number): readonly number[] {
  if (most === 0) return [];
  return most <= policy.chunkBytes ? SETTLE_MS.slice(0, 1) : SETTLE_MS;
}

/**
 * What the registry has once it counts no further: it may still be at the bytes before the break (distribution 3 is),
 * and would refuse a whole chunk that begins too early.
 */
async function settledOffset(
  task: UploadTask,
  session: UploadSession,
  broken: Broken,
  first: number,
): Promise<number> {
  const most = task.meter.position;
  let offset = first;
  while (offset < most) {
    await task.policy.clock.sleep(GROW_MS, task.signal);
    const next = await askOffset(task, session, broken);
    if (typeof next !== 'number' || next <= offset || next > most) break;
    offset = next;
  }
  return offset;
}

/** undefined if it has nothing, or does not say what. */
async function askOffset(
  task: UploadTask,
  session: UploadSession,
  broken: Broken,
): Promise<number | 'unsupported' | undefined> {
  const response = await uploadStatus(task, session, broken);
  const unsupported =
    response.status === 405 || (response.status === 404 && !(await isSessionError(response)));
  await response.body.dump();
  if (unsupported) return 'unsupported';
  if (response.status !== 200 && response.status !== 204) throw broken.error;
  await session.follow(response);
  return offsetOf(response.headers['range'], broken.attempt);
}

async function uploadStatus(
  task: UploadTask,
  session: UploadSession,
  broken: Broken,
): Promise<RegistryResponse> {
  try {
    return await task.client.request({
      method: 'GET',
      path: session.location,
      scopes: task.scopes,
      what: pushing(task),
      expect: [200, 204, 400, 404, 405, 416],
      retry: 'idempotent',
      headersTimeoutMs: task.policy.stallMs,
      ...withSignal(task.signal),
    });
  } catch (error) {
    throw task.signal?.aborted === true ? error : broken.error;
  }
}

async function isSessionError(response: RegistryResponse): Promise<boolean> {
  const body = await response.body.bytes(64 * 1024).catch(() => new Uint8Array());
  return Buffer.from(body).toString().includes('BLOB_UPLOAD_');
}

/**
 * `Range: 0-<last byte>`, with or without unit. Quay, which writes the unit, names one byte too many: the lower offset
 * is the safe one there, as Quay takes overlaps but no gaps. Others get the lower one when the first did not help.
 */
function offsetOf(range: string | undefined, attempt: number): number | undefined {
  const [, unit, last] = /^(bytes=)?\d{1,15}-(\d{1,15})$/.exec(range?.trim() ?? '') ?? [];
  if (last === undefined || last === '0') return undefined;
  const oneTooMany = unit !== undefined || attempt > 0;
  return oneTooMany ? Number(last) : Number(last) + 1;
}

/** Whether the session itself is gone, so that there is nothing to cancel. */
export function isSessionGone(error: unknown): boolean {
  return mentions(error, 'BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID', 'DIGEST_INVALID');
}
