import { MANIFEST_TYPES, OCI_INDEX } from '../../image/media-types.ts';
import type { RegistryResponse } from '../../stores/registry/client.ts';
import { manifestType } from '../../stores/registry/manifest-get.ts';
import { answered, ask, attempt, isSuccess, type Subject } from './ask.ts';
import { no, notTried, unknown, yes, type Finding } from './finding.ts';
import type { Sample } from './sample.ts';

const NO_SAMPLE = 'no image in the repository that may be read';

/** What the repository lets be read. */
export async function probeReading(subject: Subject, sample: Sample | undefined): Promise<Finding[]> {
  return [
    await attempt('tag list', subject, () => probeTagList(subject)),
    ...(sample === undefined
      ? ['manifest HEAD', 'rate limit', 'blob HEAD', 'blob ranges', 'referrers API'].map((check) =>
          notTried(check, NO_SAMPLE),
        )
      : [
          ...(await probeManifestHead(subject, sample)),
          await attempt('blob HEAD', subject, () => probeBlobHead(subject, sample)),
          await attempt('blob ranges', subject, () => probeBlobRange(subject, sample)),
          await attempt('referrers API', subject, () => probeReferrers(subject, sample)),
        ]),
  ];
}

async function probeTagList(subject: Subject): Promise<Finding> {
  const response = await ask(subject, { method: 'GET', path: `/v2/${subject.repository}/tags/list?n=1` });
  if (response.status === 404) return unknown('tag list', 'there is no such repository');
  if (!isSuccess(response)) return no('tag list', answered(response));
  return yes('tag list', response.headers['link'] === undefined ? undefined : 'in pages');
}

/** A HEAD does not count against Docker Hub's limit, but tells it. */
async function probeManifestHead(subject: Subject, { tag }: Sample): Promise<Finding[]> {
  let limit = notTried('rate limit', 'HEAD failed');
  const head = await attempt('manifest HEAD', subject, async () => {
    const response = await ask(subject, {
      method: 'HEAD',
      path: `/v2/${subject.repository}/manifests/${tag}`,
      headers: { accept: MANIFEST_TYPES.join(', ') },
    });
    limit = rateLimit(response);
    if (!isSuccess(response)) return no('manifest HEAD', answered(response));
    const hasDigest = response.headers['docker-content-digest'] !== undefined;
    return yes('manifest HEAD', hasDigest ? undefined : 'without Docker-Content-Digest');
  });
  return [head, limit];
}

function rateLimit({ headers }: RegistryResponse): Finding {
  const limit = headers['ratelimit-limit'] ?? headers['x-ratelimit-limit'];
  const remaining = headers['ratelimit-remaining'] ?? headers['x-ratelimit-remaining'];
  if (limit === undefined) return no('rate limit', 'none is told');
  return yes('rate limit', remaining === undefined ? limit : `${remaining} left of ${limit}`);
}

async function probeBlobHead(subject: Subject, { blob }: Sample): Promise<Finding> {
  const response = await ask(subject, {
    method: 'HEAD',
    path: `/v2/${subject.repository}/blobs/${blob.digest}`,
  });
  return isSuccess(response) ? yes('blob HEAD') : no('blob HEAD', answered(response));
}

async function probeBlobRange(subject: Subject, { blob }: Sample): Promise<Finding> {
  const response = await ask(subject, {
    method: 'GET',
    path: `/v2/${subject.repository}/blobs/${blob.digest}`,
    headers: { range: 'bytes=1-' },
  });
  if (response.status === 206) return yes('blob ranges');
  return no('blob ranges', response.status === 200 ? 'it sends the whole blob' : answered(response));
}

/** Some answer 200 to anything; one that knows referrers answers with an index (distribution-spec, listing referrers). */
async function probeReferrers(subject: Subject, { manifest }: Sample): Promise<Finding> {
  const response = await ask(subject, {
    method: 'GET',
    path: `/v2/${subject.repository}/referrers/${manifest.digest}`,
    headers: { accept: OCI_INDEX },
  });
  if (!isSuccess(response)) return no('referrers API', `${answered(response)}; tags stand in for it`);
  return manifestType(response.headers['content-type']) === OCI_INDEX
    ? yes('referrers API')
    : unknown('referrers API', 'it answers with something else than an index');
}
