import type { Checkpoint } from '../../../base/checkpoint.ts';
import { ChunkWindow } from './chunk-window.ts';
import { recoverOffset } from './recover.ts';
import { remedyFor } from './remedy.ts';
import { sendBody } from './send-body.ts';
import { SourceFailure } from './source-failure.ts';
import { PATCH_TAKEN } from './stream.ts';
import type { UploadSession } from './upload-session.ts';
import type { UploadTask } from './upload-task.ts';

export interface ChunkOptions {
  /** Length of a chunk. */
  readonly bytes: number;
  /** Each chunk gets a new connection: what cuts old ones, after some time or bytes, then spares most chunks. */
  readonly ownConnections: boolean;
  /** What an earlier process had made of the blob; the source must still give the same. */
  readonly earlier?: Checkpoint | undefined;
}

/**
 * State CHUNK: PATCHes of known length, each with its range, from `offset` to the end of the source. The chunk that is
 * not acknowledged yet is kept, so that a broken one can go on from any byte of it. The last chunk is a PATCH too:
 * zot takes a body in the final PUT for the whole blob.
 */
export async function sendChunks(
  task: UploadTask,
  session: UploadSession,
  offset: number,
  options: ChunkOptions,
): Promise<void> {
  const window = new ChunkWindow(task.source, task.signal, options.earlier);
  let fruitless = 0;
  try {
    for (let at = offset; ;) {
      const chunk = await window.at(at, options.bytes).catch((error: unknown) => {
        throw new SourceFailure(error);
      });
      if (chunk.byteLength === 0) return;
      try {
        await sendChunk(task, session, at, chunk, options.ownConnections);
        at += chunk.byteLength;
        task.file?.acknowledged(session, at);
        fruitless = 0;
      } catch (error) {
        const mayRecover =
          remedyFor(error, 'chunk') === 'recover' && fruitless < task.policy.fruitlessRecoveries;
        if (!mayRecover) throw error;
        const reached = await recoverOffset(task, session, { error, from: at, attempt: fruitless });
        fruitless = reached > at ? 0 : fruitless + 1;
        at = reached;
      }
    }
  } finally {
    await window.close();
  }
}

async function sendChunk(
  task: UploadTask,
  session: UploadSession,
  offset: number,
  chunk: Uint8Array,
  ownConnection: boolean,
): Promise<void> {
  const response = await sendBody(task, {
    method: 'PATCH',
    url: session.location,
    length: chunk.byteLength,
    offset,
    open: () => once(chunk),
    headers: {
      'content-range': `${offset}-${offset + chunk.byteLength - 1}`,
      ...(ownConnection ? { connection: 'close' } : {}),
    },
    expect: PATCH_TAKEN,
  });
  // A smaller Range in this answer is not believed: ECR's stays at the first chunk though everything is stored.
  await session.follow(response);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
