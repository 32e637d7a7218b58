import { usageError } from '../base/errors.ts';
import { parseReference } from '../stores/reference.ts';
import { naturallySorted } from './natural-order.ts';
import { openImageStore } from './open-store.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface TagsOptions {
  registry?: RegistryAccess;
  signal?: AbortSignal;
}

export interface TagsResult {
  /** `ghcr.io/x/demo`, `oci:DIR`. */
  repository: string;
  /** In natural order, numbers by their value: `1.9`, `1.10`. */
  tags: readonly string[];
}

/**
 * All tags of a registry's repository, from all pages, or of a layout; of an archive the names of its images.
 * Throws NixpushError.
 */
export async function tags(repository: string, options: TagsOptions = {}): Promise<TagsResult> {
  const { registry, signal } = options;
  const reference = parseReference(repository);
  const named = reference.digest ?? reference.tag ?? (reference as { image?: string }).image;
  if (named !== undefined)
    throw usageError(
      `${repository} names one image: ${named}`,
      'Name the repository alone to list its tags.',
    );
  const store = await openImageStore(reference, {
    ...(registry !== undefined && { registry }),
    ...(signal !== undefined && { signal }),
  });
  try {
    const found = await store.listTags(signal === undefined ? {} : { signal });
    return { repository: store.name, tags: naturallySorted(found) };
  } finally {
    await store.close();
  }
}
