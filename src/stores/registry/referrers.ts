import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { OCI_INDEX } from '../../image/media-types.ts';
import { isObject, parseDescriptor } from '../../image/parse-descriptor.ts';
import { readFallbackIndex } from './fallback-index.ts';
import { listError, listPages } from './pages.ts';
import type { Repository } from './repository.ts';

const MOST_REFERRERS = 10_000;

/**
 * The manifests that say they are about `subject`, as the registry lists them (distribution-spec, listing referrers);
 * where it has no Referrers API, as clients list them in the fallback tag. None if the subject is not there. That a
 * manifest is in the list proves nothing yet. Throws ERR_REGISTRY for lists without end or form, and what requests throw.
 */
export async function listReferrers(
  from: Repository,
  subject: Digest,
  signal?: AbortSignal,
): Promise<Descriptor[]> {
  return (await askApi(from, subject, signal)) ?? readFallbackIndex(from, subject, signal);
}

/** Undefined if the registry has no such API: with it, the answer to an unknown digest is an empty list. */
async function askApi(
  from: Repository,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<Descriptor[] | undefined> {
  const list = {
    path: `/v2/${from.repository}/referrers/${subject}`,
    what: 'listing referrers',
    name: `the list of referrers of ${subject}`,
  };
  const found = new Map<Digest, Descriptor>();
  try {
    for await (const { bytes, contentType } of listPages(from, list, signal)) {
      // Some answer 200 to whatever they do not know.
      if (contentType !== OCI_INDEX) return undefined;
      for (const each of descriptorsOf(from, list.name, bytes)) found.set(each.digest, each);
      if (found.size > MOST_REFERRERS)
        throw listError(from, list.name, `has more than ${MOST_REFERRERS} entries`);
    }
  } catch (error) {
    if (error instanceof NixpushError && [400, 404, 405, 501].includes(error.status ?? 0)) return undefined;
    throw error;
  }
  return [...found.values()];
}

/** Programs in Go write null for an empty list. */
function descriptorsOf(from: Repository, name: string, bytes: Uint8Array): Descriptor[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw listError(from, name, 'is not JSON');
  }
  const manifests = isObject(json) ? (json['manifests'] ?? []) : undefined;
  if (!Array.isArray(manifests)) throw listError(from, name, 'is no index');
  return manifests.map((each, at) => parseDescriptor(each, `${name}, entry ${at + 1}`));
}
