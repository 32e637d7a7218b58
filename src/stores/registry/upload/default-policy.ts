import { systemClock } from '../clock.ts';
import type { UploadPolicy } from './upload-task.ts';

const MIB = 1024 * 1024;

export const defaultUploadPolicy: UploadPolicy = {
  restarts: 5,
  fruitlessRecoveries: 3,
  stallMs: 60_000,
  commitMs: 600_000,
  abortMs: 2000,
  monolithicBytes: 8 * MIB,
  chunkBytes: 16 * MIB,
  smallestChunkBytes: 64 * 1024,
  pieceBytes: 16 * 1024,
  clock: systemClock,
};
