import { createHash } from 'node:crypto';
import { sha256, type Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import { OCI_LAYER } from '../../image/media-types.ts';
import { decompress } from '../../layers/decompress.ts';
import type { RecipeCache } from '../../layers/recipe-cache.ts';
import { ROOT_OWNER } from '../../layers/recipe.ts';
import { planLayer, type BlobOrigin, type LayerSettings, type LayerPlan } from './layer-plan.ts';

/** A layer that another program has made, as an OCI layer; `open` checks what it gives against `digest`. */
export interface ReadyLayer extends Omit<BlobOrigin, 'kind'> {
  readonly diffId: Digest;
  /** For messages: `layer 1 of ./result`. */
  readonly what: string;
}

/**
 * A layer that is there already: an uncompressed one is compressed on its way, a compressed one stays as it is. Throws
 * ERR_INTEGRITY if it is not the tar that it is said to be.
 */
export async function planReadyLayer(
  settings: LayerSettings,
  { what, diffId, ...blob }: ReadyLayer,
  described: Pick<LayerPlan, 'paths' | 'reason' | 'history'>,
): Promise<LayerPlan> {
  const recipe = { content: { kind: 'tar', diffId }, owner: ROOT_OWNER } as const;
  const sized = { ...described, narSize: blob.size };
  if (blob.mediaType === OCI_LAYER)
    return planLayer(settings, recipe, sized, { kind: 'tar', open: blob.open });
  const unpacked = await unpackedDigest(blob, what, settings.cache);
  if (unpacked !== diffId)
    throw new NixpushError('ERR_INTEGRITY', `${what} unpacks to ${unpacked}, not to ${diffId}`, {
      digest: blob.digest,
      hint: 'What describes the image is wrong; make it again.',
    });
  const planned = await planLayer({ ...settings, reused: new Map() }, recipe, sized, {
    kind: 'blob',
    ...blob,
  });
  return { ...planned, known: { diffId, digest: blob.digest, size: blob.size } };
}

/** Digest of the tar in a blob. Unpacked once: what a blob holds never changes. */
async function unpackedDigest(
  { digest, size, open }: Omit<BlobOrigin, 'kind'>,
  what: string,
  cache: RecipeCache | undefined,
): Promise<Digest> {
  const key = sha256(`nixpush unpacked blob 1\n${digest}\n`);
  const known = await cache?.get(key);
  if (known?.digest === digest) return known.diffId;
  const hash = createHash('sha256');
  try {
    for await (const piece of decompress(open())) hash.update(piece);
  } catch (error) {
    if (error instanceof NixpushError) throw error;
    throw new NixpushError('ERR_FORMAT', `cannot unpack ${what}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const diffId = `sha256:${hash.digest('hex')}` as const;
  await cache?.set(key, { diffId, digest, size });
  return diffId;
}
