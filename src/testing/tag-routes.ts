import type { HeldRepository } from './content.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';

/** Tags in lexical order, page by page (distribution-spec, end-8). */
export function listTags(
  exchange: Exchange,
  name: string,
  repository: HeldRepository,
  quirks: RegistryQuirks,
): void {
  const { searchParams, pathname } = exchange.url;
  const last = searchParams.get('last') ?? '';
  const asked = Number(searchParams.get('n') ?? Number.MAX_SAFE_INTEGER);
  const perPage = Math.min(asked, quirks.tagsPerPage ?? asked);
  const rest = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const page = rest.slice(0, perPage);
  const origin = quirks.tagLink?.startsWith('http') === true ? quirks.tagLink : '';
  const next = quirks.tagLink === 'loop' ? '' : `?n=${perPage}&last=${encodeURIComponent(page.at(-1) ?? '')}`;
  const link = `<${origin}${pathname}${next}>; rel="next"`;
  exchange.answer(
    200,
    { 'content-type': 'application/json', link: rest.length > page.length ? link : undefined },
    JSON.stringify({ name, tags: page }),
  );
}
