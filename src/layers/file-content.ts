import { TreeFileReader } from '../nix/tree-file-reader.ts';
import type { FileContent } from './content.ts';
import type { OpenFile } from './engine/layer-entries.ts';

/** Bytes. */
export function contentSize(content: FileContent): number {
  return 'bytes' in content ? content.bytes.byteLength : content.size;
}

/** Throws ERR_NOT_FOUND, ERR_IO, ERR_INTEGRITY where a file of the store is not what it was. */
export function openContent(content: FileContent): OpenFile {
  if ('bytes' in content) {
    const { bytes } = content;
    return {
      read: (position, into) => into.set(bytes.subarray(position, position + into.byteLength)),
      close: () => undefined,
    };
  }
  const { trees, storePath, name, size } = content;
  return new TreeFileReader(trees, storePath, {
    type: 'file',
    name: Buffer.from(name),
    executable: false,
    size,
  });
}

export function equalContents(a: FileContent, b: FileContent): boolean {
  return contentSize(a) === contentSize(b) && bytesOf(a).equals(bytesOf(b));
}

function bytesOf(content: FileContent): Buffer {
  const bytes = Buffer.alloc(contentSize(content));
  const file = openContent(content);
  try {
    file.read(0, bytes);
  } finally {
    file.close();
  }
  return bytes;
}
