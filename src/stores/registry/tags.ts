import { listError, listPages } from './pages.ts';
import type { Repository } from './repository.ts';

/** ECR refuses more; others give less if they like. */
const TAGS_PER_PAGE = 1000;
const LIST = 'the list of tags';

/**
 * All tags, as the registry sorts them, page by page (distribution-spec, content discovery).
 * Throws ERR_NOT_FOUND, ERR_REGISTRY for lists without end or form, and what requests throw.
 */
export async function listTags(from: Repository, signal?: AbortSignal): Promise<string[]> {
  const path = `/v2/${from.repository}/tags/list?n=${TAGS_PER_PAGE}`;
  const tags = new Set<string>();
  for await (const { bytes } of listPages(from, { path, what: 'listing tags', name: LIST }, signal)) {
    for (const tag of tagsOf(from, bytes)) tags.add(tag);
  }
  return [...tags];
}

/** Registries write null for an empty list. */
function tagsOf(from: Repository, bytes: Uint8Array): string[] {
  let tags: unknown;
  try {
    tags = (JSON.parse(Buffer.from(bytes).toString()) as { tags?: unknown } | null)?.tags ?? [];
  } catch {
    throw listError(from, LIST, 'is not JSON');
  }
  if (!Array.isArray(tags) || !tags.every((tag) => isTag(tag)))
    throw listError(from, LIST, 'holds what is no tag');
  return tags;
}

/** distribution-spec, pulling manifests. */
function isTag(value: unknown): value is string {
  return typeof value === 'string' && /^\w[\w.-]{0,127}$/.test(value);
}
