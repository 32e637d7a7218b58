import { createHash } from 'node:crypto';
import { sha256, type Digest } from '../../src/base/digest.ts';
import { makeConfig } from '../../src/image/config.ts';
import { DEFAULT_CREATED } from '../../src/image/created.ts';
import { makeManifest, type EncodedManifest } from '../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_LAYER } from '../../src/image/media-types.ts';
import { bytesSource } from '../../src/stores/bytes-source.ts';
import type { BlobSource, ImageStore } from '../../src/stores/image-store.ts';

/** An image of one layer with one file, `/hello`, which holds `text`. */
export async function putSmallImage(
  store: ImageStore,
  text: string,
  ...tags: string[]
): Promise<EncodedManifest> {
  const tar = tarOf('hello', text);
  const layer = await store.putBlob(bytesSource('layer', tar));
  const bytes = makeConfig({
    platform: { os: 'linux', architecture: 'amd64' },
    created: DEFAULT_CREATED,
    config: { Cmd: ['/hello'] },
    layers: [{ diffId: sha256(tar), history: { created: DEFAULT_CREATED, created_by: 'test' } }],
  });
  const config = await store.putBlob(bytesSource('config', bytes));
  const manifest = makeManifest({
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
    layers: [{ mediaType: OCI_LAYER, digest: layer.digest, size: layer.size }],
  });
  await store.putManifest(manifest, tags);
  return manifest;
}

/** A blob whose digest is known only after a pass, as a layer's is. It fails or stalls where `onChunk` does. */
export function streamedSource(
  chunks: readonly Uint8Array[],
  onChunk?: (index: number) => Promise<void> | void,
): BlobSource & { passes: number } {
  let id: { digest: Digest; size: number } | undefined;
  return {
    what: 'streamed layer',
    passes: 0,
    get id() {
      return id;
    },
    async *open() {
      this.passes++;
      const hash = createHash('sha256');
      for (const [index, chunk] of chunks.entries()) {
        await onChunk?.(index);
        hash.update(chunk);
        yield chunk;
      }
      id = {
        digest: `sha256:${hash.digest('hex')}`,
        size: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
      };
    },
  };
}

/** A USTAR archive with one file. */
function tarOf(name: string, text: string): Uint8Array {
  const octal = (number: number, digits: number): string => number.toString(8).padStart(digits, '0');
  const size = Buffer.byteLength(text);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${octal(0o444, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100);
  header.write(`${octal(size, 11)}\0${octal(1, 11)}\0${' '.repeat(8)}0`, 124);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  const content = Buffer.alloc(Math.ceil(size / 512) * 512);
  content.write(text);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}
