import type { BlobSource } from '../../image-store.ts';
import type { Clock } from '../clock.ts';
import type { Repository } from '../repository.ts';
import type { WaitListener } from '../sender.ts';
import type { RegistryProfile } from './registry-profile.ts';
import type { SessionFile } from './session-file.ts';
import type { UploadMode } from './upload-mode.ts';
import type { UploadMeter } from './upload-meter.ts';

/** One blob on its way to a registry, with all that the states of its upload share. */
export interface UploadTask extends Repository {
  readonly source: BlobSource;
  readonly policy: UploadPolicy;
  readonly profile: RegistryProfile;
  readonly meter: UploadMeter;
  /** Where the session is noted for a later process. */
  readonly file: SessionFile | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onWait: WaitListener | undefined;
}

export interface UploadPolicy {
  /** The only mode, in place of the one that seems best. */
  readonly mode?: UploadMode;
  /** No body may be longer: larger blobs go in chunks of this size. Default: as the registry takes it. Bytes. */
  readonly bodyBytes?: number;
  /** Sessions begun anew before an upload is given up. */
  readonly restarts: number;
  /** Recoveries of one session in a row that bring no byte forward, before it is given up. */
  readonly fruitlessRecoveries: number;
  /** A connection that takes no byte, or gives no answer, for so long is dead. Milliseconds. */
  readonly stallMs: number;
  /** Registries that copy the blob when it is finished need minutes for it. Milliseconds. */
  readonly commitMs: number;
  /** For cancelling a session, which is a courtesy. Milliseconds. */
  readonly abortMs: number;
  /** Up to this size a blob of known digest goes in one PUT. Bytes. */
  readonly monolithicBytes: number;
  /** Size of a chunk where the registry does not say. It is held in memory. Bytes. */
  readonly chunkBytes: number;
  /** Chunks are not made smaller than this after failures. Bytes. */
  readonly smallestChunkBytes: number;
  /** Docker Hub's proxies give up on bodies made of tiny writes; so pieces are at least this long. Bytes. */
  readonly pieceBytes: number;
  readonly clock: Clock;
}

/** For messages: `pushing layer 3`. */
export function pushing(task: UploadTask): string {
  return `pushing ${task.source.what}`;
}
