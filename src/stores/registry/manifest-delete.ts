import { randomUUID } from 'node:crypto';
import { isDigest, sha256 } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { StoredManifest } from '../image-store.ts';
import { getManifest } from './manifest-get.ts';
import { putManifest } from './manifest-put.ts';
import { unlistReferrer } from './referrer-list.ts';
import { repositoryName, withSignal, type Repository } from './repository.ts';

/**
 * Takes a tag away, or with a digest the manifest and with it all its tags (distribution-spec, content management).
 * Throws ERR_NOT_FOUND, ERR_REGISTRY where the registry does not delete, and what requests throw.
 */
export async function deleteManifest(
  from: Repository,
  reference: string,
  signal?: AbortSignal,
): Promise<void> {
  // What cannot be read can be deleted all the same.
  const manifest = isDigest(reference)
    ? await getManifest(from, reference, signal).catch(() => undefined)
    : undefined;
  try {
    await request(from, reference, signal);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    if (isDigest(reference)) throw cannotDelete(from, error);
    await untag(from, reference, signal);
  }
  if (manifest !== undefined) await unlistReferrer(from, manifest, signal);
}

/**
 * For registries that delete by digest alone (distribution 2.x), as regctl does it: the tag moves to a manifest of
 * its own, which is then deleted. That one differs from the old one by an annotation only, so that the tag leads to
 * the same image if anything fails half way.
 */
async function untag(from: Repository, tag: string, signal: AbortSignal | undefined): Promise<void> {
  const tagged = await getManifest(from, tag, signal);
  const trial = twinOf(tagged);
  await putManifest(from, trial, [], withSignal(signal));
  await request(from, trial.descriptor.digest, signal).catch((error: unknown) => {
    // Found out before the tag has moved.
    throw isUnsupported(error) ? cannotDelete(from, error) : error;
  });
  const twin = twinOf(tagged);
  await putManifest(from, twin, [tag], withSignal(signal));
  await request(from, twin.descriptor.digest, signal);
}

function twinOf({ bytes, descriptor: { mediaType } }: StoredManifest): StoredManifest {
  const json = JSON.parse(Buffer.from(bytes).toString()) as { annotations?: object; subject?: unknown };
  // It must not be listed as a referrer.
  const { subject: _, ...rest } = json;
  const annotations = { ...json.annotations, 'dev.nixpush.deleted': randomUUID() };
  const twin = Buffer.from(JSON.stringify({ ...rest, annotations }));
  return { descriptor: { mediaType, digest: sha256(twin), size: twin.byteLength }, bytes: twin };
}

async function request(from: Repository, reference: string, signal: AbortSignal | undefined): Promise<void> {
  const { client, repository, scopes } = from;
  const { body } = await client.request({
    method: 'DELETE',
    path: `/v2/${repository}/manifests/${reference}`,
    scopes,
    what: `deleting ${isDigest(reference) ? reference : `the tag ${reference}`}`,
    expect: [200, 202, 204],
    retry: 'idempotent',
    ...withSignal(signal),
  });
  await body.dump();
}

/** distribution 2.x takes a tag for a digest that is none, and says 400. */
function isUnsupported(error: unknown): error is NixpushError {
  return error instanceof NixpushError && [400, 405, 501].includes(error.status ?? 0);
}

function cannotDelete(from: Repository, cause: NixpushError): NixpushError {
  const { client, repository } = from;
  return new NixpushError('ERR_REGISTRY', `${repositoryName(from)}: the registry does not delete`, {
    host: client.host,
    repository,
    ...(cause.status === undefined ? {} : { status: cause.status }),
    ...(cause.detail === undefined ? {} : { detail: cause.detail }),
    hint: "Allow it in the registry's configuration (distribution: REGISTRY_STORAGE_DELETE_ENABLED=true), or delete where its provider offers it.",
    cause,
  });
}
