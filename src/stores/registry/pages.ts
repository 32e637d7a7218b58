import { NixpushError } from '../../base/errors.ts';
import { repositoryName, withSignal, type Repository } from './repository.ts';
import { resolveLocation } from './url-policy.ts';

const MOST_PAGES = 1000;
const MOST_PAGE_BYTES = 8 * 1024 * 1024;

export interface PagedList {
  /** Of the first page: `/v2/…`, with its query. */
  readonly path: string;
  /** For messages: "listing tags". */
  readonly what: string;
  /** For messages: "the list of tags". */
  readonly name: string;
}

export interface Page {
  readonly bytes: Uint8Array;
  /** Without parameters. */
  readonly contentType: string | undefined;
}

/** A list page by page, as its links lead (distribution-spec, content discovery). Throws ERR_REGISTRY if it has no end. */
export async function* listPages(
  from: Repository,
  { path, what, name }: PagedList,
  signal?: AbortSignal,
): AsyncGenerator<Page, void, void> {
  const { client, scopes } = from;
  const visited = new Set<string>();
  let next: URL | undefined = new URL(path, await client.origin(signal));
  while (next !== undefined) {
    if (visited.has(next.href) || visited.size >= MOST_PAGES) throw listError(from, name, 'has no end');
    visited.add(next.href);
    const { headers, body, url } = await client.request({
      method: 'GET',
      path: next,
      scopes,
      what,
      expect: [200],
      retry: 'idempotent',
      followRedirects: true,
      ...withSignal(signal),
    });
    const contentType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    yield { bytes: await body.bytes(MOST_PAGE_BYTES), contentType };
    const link = nextLink(headers['link']);
    next = link === undefined ? undefined : resolveLocation(link, url, await client.origin(signal)).url;
  }
}

/** Target of the `rel="next"` link (RFC 8288). */
function nextLink(header: string | undefined): string | undefined {
  for (const [, target, parameters] of (header ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?/i.test(parameters ?? '')) return target;
  }
  return undefined;
}

/** `name` is that of the list, `wrong` what is wrong with it. */
export function listError(from: Repository, name: string, wrong: string): NixpushError {
  const { client, repository } = from;
  return new NixpushError('ERR_REGISTRY', `${repositoryName(from)}: ${name} ${wrong}`, {
    host: client.host,
    repository,
  });
}
