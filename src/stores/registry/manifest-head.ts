import { isDigest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { MANIFEST_TYPES } from '../../image/media-types.ts';
import type { RegistryResponse } from './client.ts';
import { getManifest, manifestType } from './manifest-get.ts';
import { withSignal, type Repository } from './repository.ts';

/** HEAD gets no error body that would tell why; GET does. ECR answers 400 to a tag that is not there. */
const HEAD_SAYS_NOTHING: readonly number[] = [400, 401, 403, 405];

/**
 * What a tag or digest points at; undefined if it does not exist. Registries that answer HEAD without digest, size or
 * type, or not at all, are asked by GET. Throws ERR_INTEGRITY and what requests throw.
 */
export async function headManifest(
  from: Repository,
  reference: string,
  signal?: AbortSignal,
): Promise<Descriptor | undefined> {
  const { client, repository, scopes } = from;
  let response: RegistryResponse | undefined;
  try {
    response = await client.request({
      method: 'HEAD',
      path: `/v2/${repository}/manifests/${reference}`,
      scopes,
      what: `looking for the manifest ${reference}`,
      headers: { accept: MANIFEST_TYPES.join(', ') },
      expect: [200, 404],
      retry: 'idempotent',
      followRedirects: true,
      ...withSignal(signal),
    });
    await response.body.dump();
  } catch (error) {
    if (!(error instanceof NixpushError && HEAD_SAYS_NOTHING.includes(error.status ?? 0))) throw error;
  }
  if (response?.status === 404) return undefined;
  return descriptorOf(reference, response) ?? (await descriptorByGet(from, reference, signal));
}

/** Undefined if the headers do not tell enough. */
function descriptorOf(reference: string, response: RegistryResponse | undefined): Descriptor | undefined {
  const mediaType = manifestType(response?.headers['content-type']);
  const digest = response?.headers['docker-content-digest'];
  const size = Number(response?.headers['content-length'] ?? Number.NaN);
  if (mediaType === undefined || !isDigest(digest) || !Number.isSafeInteger(size)) return undefined;
  // A pinned manifest under another digest: let GET look at the bytes.
  if (isDigest(reference) && digest !== reference) return undefined;
  return { mediaType, digest, size };
}

async function descriptorByGet(
  from: Repository,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  try {
    return (await getManifest(from, reference, signal)).descriptor;
  } catch (error) {
    if (error instanceof NixpushError && error.code === 'ERR_NOT_FOUND') return undefined;
    throw error;
  }
}
