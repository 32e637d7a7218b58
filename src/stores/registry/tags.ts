import { NixpushError } from '../../base/errors.ts';
import { repositoryName, withSignal, type Repository } from './repository.ts';
import { resolveLocation } from './url-policy.ts';

/** ECR refuses more; others give less if they like. */
const TAGS_PER_PAGE = 1000;
const MOST_PAGES = 1000;
const MOST_PAGE_BYTES = 8 * 1024 * 1024;

/**
 * All tags, as the registry sorts them, page by page (distribution-spec, content discovery).
 * Throws ERR_NOT_FOUND, ERR_REGISTRY for lists without end or form, and what requests throw.
 */
export async function listTags(from: Repository, signal?: AbortSignal): Promise<string[]> {
  const { client, repository, scopes } = from;
  const tags = new Set<string>();
  const visited = new Set<string>();
  let page: URL | undefined = new URL(
    `/v2/${repository}/tags/list?n=${TAGS_PER_PAGE}`,
    await client.origin(),
  );
  while (page !== undefined) {
    if (visited.has(page.href) || visited.size >= MOST_PAGES) throw listError(from, 'has no end');
    visited.add(page.href);
    const { headers, body, url } = await client.request({
      method: 'GET',
      path: page,
      scopes,
      what: 'listing tags',
      expect: [200],
      retry: 'idempotent',
      followRedirects: true,
      ...withSignal(signal),
    });
    for (const tag of tagsOf(from, await body.bytes(MOST_PAGE_BYTES))) tags.add(tag);
    const next = nextLink(headers['link']);
    page = next === undefined ? undefined : resolveLocation(next, url, await client.origin()).url;
  }
  return [...tags];
}

/** Target of the `rel="next"` link (RFC 8288). */
function nextLink(header: string | undefined): string | undefined {
  for (const [, target, parameters] of (header ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?/i.test(parameters ?? '')) return target;
  }
  return undefined;
}

/** Registries write null for an empty list. */
function tagsOf(from: Repository, bytes: Uint8Array): string[] {
  let tags: unknown;
  try {
    tags = (JSON.parse(Buffer.from(bytes).toString()) as { tags?: unknown } | null)?.tags ?? [];
  } catch {
    throw listError(from, 'is not JSON');
  }
  if (!Array.isArray(tags) || !tags.every((tag) => isTag(tag))) throw listError(from, 'holds what is no tag');
  return tags;
}

/** distribution-spec, pulling manifests. */
function isTag(value: unknown): value is string {
  return typeof value === 'string' && /^\w[\w.-]{0,127}$/.test(value);
}

function listError(from: Repository, wrong: string): NixpushError {
  const { client, repository } = from;
  return new NixpushError('ERR_REGISTRY', `${repositoryName(from)}: the list of tags ${wrong}`, {
    host: client.host,
    repository,
  });
}
