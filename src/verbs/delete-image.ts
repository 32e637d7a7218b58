import pLimit from 'p-limit';
import { abortError, NixpushError, usageError } from '../base/errors.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { ImageStore, StoreOptions } from '../stores/image-store.ts';
import { parseReference, type Reference } from '../stores/reference.ts';
import { naturallySorted } from './natural-order.ts';
import { openImageStore } from './open-store.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface DeleteOptions {
  registry?: RegistryAccess;
  /** Asked before anything is deleted; false leaves all as it is. Without it nobody is asked. */
  confirm?: (deletion: Deletion) => Promise<boolean>;
  signal?: AbortSignal;
}

export interface Deletion {
  /** `HOST/REPO:TAG` or `HOST/REPO@sha256:…`. */
  reference: string;
  manifest: Descriptor;
  /** The tags that go. Absent where a digest goes with all its tags and there are too many tags to look at each. */
  tags?: readonly string[];
}

export interface DeleteResult extends Deletion {
  /** False if `confirm` said no. */
  deleted: boolean;
}

/** As many tags are asked for their digest, each by a request. */
const MOST_TAGS_ASKED = 100;
const PARALLEL = 8;

/**
 * Deletes a tag, or with a digest the manifest and all its tags. In a layout what no other image needs goes too; a
 * registry decides itself when it frees space. Throws ERR_NOT_FOUND, ERR_REGISTRY where the registry does not
 * delete, and what requests throw.
 */
export async function deleteImage(text: string, options: DeleteOptions = {}): Promise<DeleteResult> {
  const { registry, confirm, signal } = options;
  const reference = parseReference(text);
  const name = deletedName(text, reference);
  const reading = signal === undefined ? {} : { signal };
  const store = await openImageStore(reference, { ...reading, ...(registry !== undefined && { registry }) });
  try {
    const deletion = await plan(store, name, reference.digest !== undefined, reading);
    if (confirm !== undefined && !(await confirm(deletion))) return { ...deletion, deleted: false };
    if (signal?.aborted === true) throw abortError(signal);
    await store.deleteManifest!(name, reading);
    return { ...deletion, deleted: true };
  } finally {
    await store.close();
  }
}

/** A deletion guesses nothing. */
function deletedName(text: string, { transport, tag, digest }: Reference): string {
  if (transport === 'docker-archive') throw usageError(`${text}: an archive is written whole, or not at all`);
  if (tag !== undefined && digest !== undefined)
    throw usageError(
      `${text} names a tag and a digest`,
      'Name the tag to delete it, or the digest to delete all its tags.',
    );
  const name = digest ?? tag;
  if (name === undefined)
    throw usageError(`${text} names no tag`, `Say which: ${text}:TAG, or ${text}@DIGEST with all its tags.`);
  return name;
}

async function plan(
  store: ImageStore,
  name: string,
  isDigest: boolean,
  options: StoreOptions,
): Promise<Deletion> {
  const manifest = await store.headManifest(name, options);
  if (manifest === undefined)
    throw new NixpushError('ERR_NOT_FOUND', `${store.name} has no image ${name} to delete`);
  if (!isDigest) return { reference: `${store.name}:${name}`, manifest, tags: [name] };
  const tags = await tagsOf(store, manifest, options);
  return { reference: `${store.name}@${name}`, manifest, ...(tags !== undefined && { tags }) };
}

async function tagsOf(
  store: ImageStore,
  { digest }: Descriptor,
  options: StoreOptions,
): Promise<string[] | undefined> {
  const all = await store.listTags(options);
  if (all.length > MOST_TAGS_ASKED) return undefined;
  const limit = pLimit(PARALLEL);
  const found = await Promise.all(all.map((tag) => limit(() => store.headManifest(tag, options))));
  return naturallySorted(all.filter((_, at) => found[at]?.digest === digest));
}
