import { decompress } from '../layers/decompress.ts';

/** Image archives name what they hold by digest, or as Docker and OCI have fixed it; no other tars begin so. */
const FIRST_MEMBER =
  /^(\.\/)?([0-9a-f]{64}(\/|\.tar$|\.json$)|blobs\/|manifest\.json$|repositories$|index\.json$|oci-layout$)/;

const BLOCK = 512;

/**
 * Whether a file is an archive of images, as far as its beginning tells: as `docker save`, skopeo and dockerTools write
 * them, plain or compressed. Reads no more than two headers.
 */
export async function beginsLikeImageArchive(file: AsyncIterable<Uint8Array>): Promise<boolean> {
  const start = await firstBytes(file, 2 * BLOCK);
  // buildImage packs a directory, and begins with that.
  const header = nameIn(start) === './' ? start.subarray(BLOCK) : start;
  return header.toString('latin1', 257, 262) === 'ustar' && FIRST_MEMBER.test(nameIn(header));
}

function nameIn(header: Buffer): string {
  return header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
}

async function firstBytes(file: AsyncIterable<Uint8Array>, size: number): Promise<Buffer> {
  const start = Buffer.alloc(size);
  let filled = 0;
  try {
    for await (const piece of decompress(file)) {
      start.set(piece.subarray(0, size - filled), filled);
      filled += piece.byteLength;
      if (filled >= size) break;
    }
  } catch {
    // Not compressed at all, or damaged: then it is whatever it begins like.
  }
  return start;
}
