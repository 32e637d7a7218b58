import { createHash } from 'node:crypto';
import { extract, type Header } from 'tar-stream';
import { digestAlgorithm, type Digest } from '../base/digest.ts';
import { NixpushError } from '../base/errors.ts';
import { BaseLayerChanges, TreeBudget, type BaseEntry } from './base-layer-changes.ts';
import { BaseTree } from './base-tree.ts';
import { decompress } from './decompress.ts';

export interface BaseLayerSource {
  /** Of the tar, checked. */
  readonly diffId: Digest;
  /** For messages: `layer 3 of the base image`. */
  readonly what: string;
  /** The layer as it is stored, its digest checked at the end. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Tars of before 1988 have no magic number; engines read them. */
const OLD_TARS_TOO: object = { allowUnknownFormat: true };

/** Bytes of all tars together: only someone who means harm has more. */
const MOST_BYTES = 256 * 2 ** 30;

/**
 * The file tree of a base image out of the tar headers of its layers, lowest first; contents go by unlooked at.
 * Throws ERR_FORMAT for tars that are damaged, hostile or too large, ERR_INTEGRITY, and what the sources throw.
 */
export async function readBaseTree(layers: readonly BaseLayerSource[]): Promise<BaseTree> {
  const tree = new BaseTree();
  const budget = new TreeBudget();
  let bytes = 0;
  for (const layer of layers) {
    const changes = new BaseLayerChanges(budget);
    await readHeaders(checked(layer), layer.what, (header) => changes.add(entryOf(header)));
    changes.applyTo(tree);
  }
  return tree;

  async function* checked({ open, diffId, what }: BaseLayerSource): AsyncGenerator<Uint8Array, void, void> {
    const algorithm = digestAlgorithm(diffId);
    const hash = createHash(algorithm);
    const stored = untilTheEnd(open());
    for await (const piece of decompress(stored.bytes)) {
      bytes += piece.byteLength;
      if (bytes > MOST_BYTES) throw new NixpushError('ERR_FORMAT', `${what} unpacks to too many bytes`);
      hash.update(piece);
      yield piece;
    }
    if (!stored.ended()) throw new NixpushError('ERR_FORMAT', `${what} has bytes after its end`);
    const actual = `${algorithm}:${hash.digest('hex')}`;
    if (actual !== diffId)
      throw new NixpushError('ERR_INTEGRITY', `${what} has the diffID ${actual}, its config says ${diffId}`, {
        digest: diffId,
      });
  }
}

function entryOf({ name, type, mode, uid, gid, linkname }: Header): BaseEntry {
  // So old tars write a directory.
  const isDirectory = type === 'directory' || (type === 'file' && name.endsWith('/'));
  return {
    name,
    type: isDirectory ? 'directory' : type === 'symlink' ? type : 'file',
    mode: mode & 0o7777,
    uid,
    gid,
    target: type === 'symlink' ? linkname || '' : '',
  };
}

/** Whoever does not read to the end has not seen the digest checked. */
function untilTheEnd(source: AsyncIterable<Uint8Array>): {
  bytes: AsyncIterable<Uint8Array>;
  ended: () => boolean;
} {
  let ended = false;
  async function* bytes(): AsyncGenerator<Uint8Array, void, void> {
    yield* source;
    ended = true;
  }
  return { bytes: bytes(), ended: () => ended };
}

async function readHeaders(
  tar: AsyncIterable<Uint8Array>,
  what: string,
  onHeader: (header: Header) => void,
): Promise<void> {
  const reader = extract(OLD_TARS_TOO);
  let failure: Error | undefined;
  const finished = new Promise<void>((resolve) => {
    reader.on('close', resolve);
    reader.on('finish', resolve);
    reader.on('error', (error) => (failure ??= error));
  });
  reader.on('entry', (header, content, next) => {
    try {
      onHeader(header);
      content.on('end', () => next());
      // The reader says it too.
      content.on('error', () => undefined);
      content.resume();
    } catch (error) {
      failure = error as Error;
      next(failure);
    }
  });
  try {
    for await (const piece of tar) {
      if (!reader.write(piece)) await Promise.race([drained(reader), finished]);
      if (failure !== undefined) throw failure;
    }
    reader.end(undefined);
    await finished;
    if (failure !== undefined) throw failure;
  } catch (error) {
    throw error instanceof NixpushError ? error : damaged(what, error as Error);
  } finally {
    reader.destroy(null);
  }
}

async function drained(reader: ReturnType<typeof extract>): Promise<void> {
  return new Promise<void>((resolve) => void reader.once('drain', () => resolve()));
}

function damaged(what: string, cause: Error): NixpushError {
  return new NixpushError('ERR_FORMAT', `${what} cannot be unpacked: ${cause.message}`, { cause });
}
