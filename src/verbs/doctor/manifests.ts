import { randomBytes } from 'node:crypto';
import { sha256, type Digest } from '../../base/digest.ts';
import { abortError, NixpushError } from '../../base/errors.ts';
import { makeManifest } from '../../image/manifest.ts';
import { OCI_CONFIG } from '../../image/media-types.ts';
import { bytesSource } from '../../stores/bytes-source.ts';
import { RegistryStore } from '../../stores/registry/registry-store.ts';
import { reasonOf, type Subject } from './ask.ts';
import { no, notTried, yes, type Finding } from './finding.ts';

const DELETE = 'delete';
const ZSTD = 'OCI manifest with zstd layers';
const OCI_ZSTD_LAYER = 'application/vnd.oci.image.layer.v1.tar+zstd';

/**
 * Whether manifests and blobs can be deleted; if so, whether an OCI manifest with a zstd layer is taken: one is pushed
 * by digest only, seen by nobody, and deleted again with its blob.
 */
export async function probeManifests(subject: Subject, mayPush: boolean): Promise<Finding[]> {
  if (!mayPush) return [DELETE, ZSTD].map((check) => notTried(check, 'no right to push'));
  const { repository } = subject;
  const deleting: Subject = { ...subject, scopes: [{ repository, actions: ['pull', 'push', 'delete'] }] };
  const nothing = sha256(randomBytes(32));
  for (const kind of ['manifests', 'blobs'] as const) {
    const refusal = await refusalToDelete(deleting, kind, nothing);
    if (refusal !== undefined) {
      return [no(DELETE, refusal), notTried(ZSTD, 'what is pushed could not be deleted again')];
    }
  }
  return [yes(DELETE), await probeZstd(subject, deleting)];
}

type Kind = 'manifests' | 'blobs';

async function probeZstd(subject: Subject, deleting: Subject): Promise<Finding> {
  const { client, repository, signal } = subject;
  const store = new RegistryStore({ client, repository });
  const options = signal === undefined ? {} : { signal };
  const pushed: [Kind, Digest][] = [];
  let result: Finding;
  try {
    // Unlike any blob that is there, so that it can be deleted without harm.
    const { digest, size } = await store.putBlob(bytesSource('a probe', randomBytes(64)), options);
    pushed.unshift(['blobs', digest]);
    const manifest = makeManifest({
      config: { mediaType: OCI_CONFIG, digest, size },
      layers: [{ mediaType: OCI_ZSTD_LAYER, digest, size }],
    });
    await store.putManifest(manifest, [], options);
    pushed.unshift(['manifests', manifest.descriptor.digest]);
    result = yes(ZSTD);
  } catch (error) {
    result = no(ZSTD, error instanceof NixpushError ? error.message : String(error));
  }
  const left: string[] = [];
  for (const [kind, digest] of pushed) {
    // Also when the caller wants to stop: it takes two requests.
    const refusal = await refusalToDelete({ ...deleting, signal: undefined }, kind, digest);
    if (refusal !== undefined) left.push(`${digest} is left behind: ${refusal}`);
  }
  if (signal?.aborted === true) throw abortError(signal);
  return left.length === 0 ? result : { ...result, detail: left.join('; ') };
}

/** Undefined if it was deleted, or is not there and would be: a route that nobody knows gives 404 too. */
async function refusalToDelete(subject: Subject, kind: Kind, digest: Digest): Promise<string | undefined> {
  const { client, repository, scopes, signal } = subject;
  try {
    const { body } = await client.request({
      method: 'DELETE',
      path: `/v2/${repository}/${kind}/${digest}`,
      scopes,
      what: `deleting ${kind}`,
      expect: [200, 202, 204],
      retry: 'never',
      ...(signal !== undefined && { signal }),
    });
    await body.dump();
    return undefined;
  } catch (error) {
    const reason = reasonOf(error, signal);
    const { status, detail = '' } = error as NixpushError;
    return status === 404 && /(MANIFEST|BLOB)_UNKNOWN/.test(detail) ? undefined : reason;
  }
}
