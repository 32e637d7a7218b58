import { isDigest, sha256 } from '../base/digest.ts';
import type { HeldManifest, HeldRepository } from './content.ts';
import { digestHeaderOf } from './digest-header.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';
import { subjectHeaderOf } from './referrer-routes.ts';

/** HEAD and GET of a manifest by tag or digest (distribution-spec, end-3). */
export function getManifest(
  exchange: Exchange,
  repository: HeldRepository,
  reference: string,
  quirks: RegistryQuirks,
): void {
  const digest = isDigest(reference) ? reference : repository.tags.get(reference);
  const manifest = digest === undefined ? undefined : repository.manifests.get(digest);
  if (exchange.request.method === 'HEAD' && quirks.manifestHeadRefused !== undefined) {
    exchange.refuse(quirks.manifestHeadRefused, 'UNSUPPORTED');
  } else if (digest === undefined || manifest === undefined) exchange.refuse(404, 'MANIFEST_UNKNOWN');
  else {
    const headers = {
      'content-type': `${manifest.mediaType}${quirks.manifestTypeSuffix ?? ''}`,
      'content-length': String(manifest.bytes.length),
      ...digestHeaderOf(digest, quirks),
    };
    exchange.answer(200, headers, manifest.bytes);
  }
}

/** PUT of a manifest (end-7); all it names must be there. */
export async function putManifest(
  exchange: Exchange,
  repository: HeldRepository,
  reference: string,
  quirks: RegistryQuirks,
): Promise<void> {
  if (quirks.manifestNeedsLength === true && exchange.length === undefined) {
    exchange.refuse(411, 'SIZE_INVALID');
    return;
  }
  const bytes = await exchange.readAll();
  if (bytes === undefined) return;
  const digest = sha256(bytes);
  const missing = missingParts(repository, bytes);
  const moved = isDigest(reference) ? undefined : repository.tags.get(reference);
  if (isDigest(reference) && reference !== digest) exchange.refuse(400, 'DIGEST_INVALID');
  else if (missing === undefined) exchange.refuse(400, 'MANIFEST_INVALID');
  else if (missing.length > 0) exchange.refuse(404, 'MANIFEST_BLOB_UNKNOWN', missing.join(', '));
  else if (moved !== undefined && quirks.immutableTags === true) {
    exchange.refuse(400, 'TAG_INVALID', `the tag ${reference} is immutable`);
  } else {
    const mediaType = exchange.header('content-type') ?? '';
    repository.manifests.set(digest, { mediaType, bytes } satisfies HeldManifest);
    if (!isDigest(reference)) repository.tags.set(reference, digest);
    exchange.answer(201, {
      location: `${exchange.url.origin}${exchange.url.pathname}`,
      ...digestHeaderOf(digest, quirks),
      ...subjectHeaderOf(bytes, quirks),
    });
  }
}

/** DELETE of a tag, or of a manifest with all its tags (end-9). */
export function deleteManifest(
  exchange: Exchange,
  { manifests, tags }: HeldRepository,
  reference: string,
  quirks: RegistryQuirks,
): void {
  const isTag = !isDigest(reference);
  const refused = quirks.manifestDeleteRefused ?? (isTag ? quirks.tagDeleteRefused : undefined);
  if (refused !== undefined) exchange.refuse(refused, refused === 400 ? 'DIGEST_INVALID' : 'UNSUPPORTED');
  else if (!(isTag ? tags : manifests).has(reference)) exchange.refuse(404, 'MANIFEST_UNKNOWN');
  else {
    if (!isTag) manifests.delete(reference);
    for (const [tag, digest] of tags) if (tag === reference || digest === reference) tags.delete(tag);
    exchange.answer(202);
  }
}

interface ManifestParts {
  config?: { digest: string };
  layers?: { digest: string }[];
  manifests?: { digest: string }[];
}

/** Undefined if it is no JSON. */
function missingParts(repository: HeldRepository, bytes: Buffer): string[] | undefined {
  let parts: ManifestParts;
  try {
    parts = JSON.parse(bytes.toString()) as ManifestParts;
  } catch {
    return undefined;
  }
  const blobs = [...(parts.config === undefined ? [] : [parts.config]), ...(parts.layers ?? [])];
  return [
    ...blobs.map(({ digest }) => digest).filter((digest) => !repository.blobs.has(digest)),
    ...(parts.manifests ?? [])
      .map(({ digest }) => digest)
      .filter((digest) => !repository.manifests.has(digest)),
  ];
}
