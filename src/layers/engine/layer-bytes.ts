import type { LayerRecipe } from '../recipe.ts';
import { TarBytes } from './tar-bytes.ts';
import { TarFile } from './tar-file.ts';

/** The bytes of a layer's tar, from its beginning to its end. */
export interface LayerBytes {
  /** True when the last byte was given. */
  readonly ended: boolean;
  /** Fills `into` and gives the number of bytes; fewer than its length only at the end. */
  read(into: Uint8Array): number;
  close(): void;
}

export function openLayerBytes({ content, owner, format }: LayerRecipe): LayerBytes {
  return content.kind === 'tar' ? new TarFile(content.file!) : new TarBytes(content, owner, format);
}
