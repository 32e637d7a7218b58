import type { Digest } from '../../base/digest.ts';
import type { ImageStore, StoreOptions } from '../../stores/image-store.ts';
import type { Attachment } from './attachments.ts';
import {
  largestFirst,
  unchangedBlob,
  type BlobCopy,
  type CopiedAttachment,
  type CopyPlan,
} from './copy-plan.ts';
import { readContent, type GetManifest } from './image-content.ts';

/** The same copy with what is attached to the image. */
export function withAttachments(
  plan: CopyPlan,
  from: ImageStore,
  attachments: readonly Attachment[],
  options: StoreOptions,
): CopyPlan {
  const get: GetManifest = async ({ digest }) => from.getManifest(digest, options);
  return {
    root: plan.root,
    attachments,
    parts: async () => {
      const { blobs, manifests } = await plan.parts();
      const copies = new Map<string, BlobCopy>(blobs.map((blob) => [blob.digest, blob]));
      const copied: CopiedAttachment[] = [];
      for (const { manifest, tags } of attachments) {
        const content = await readContent(manifest, get, from.name);
        copied.push({ manifest, levels: content.levels, tags });
        for (const { descriptor, what } of content.blobs) {
          if (copies.has(descriptor.digest)) continue;
          copies.set(descriptor.digest, unchangedBlob(from, descriptor, `${what} of an attachment`));
        }
      }
      return {
        blobs: largestFirst([...copies.values()]),
        manifests: () => ({ ...manifests(), attachments: copied }),
      };
    },
  };
}

/** Whether a place has the attachments in such a way that they are found there. */
export async function hasAttachments(
  store: ImageStore,
  attachments: readonly Attachment[],
  options: StoreOptions,
): Promise<boolean> {
  const listed = new Map<Digest, Promise<Set<Digest>>>();
  const list = async (subject: Digest): Promise<Set<Digest>> => {
    const referrers = (await store.listReferrers?.(subject, options)) ?? [];
    return new Set(referrers.map(({ digest }) => digest));
  };
  for (const { manifest, subject, tags } of attachments) {
    const { digest } = manifest.descriptor;
    if (subject !== undefined) {
      const there = listed.get(subject) ?? list(subject);
      listed.set(subject, there);
      if (!(await there).has(digest)) return false;
    }
    for (const tag of tags) if ((await store.headManifest(tag, options))?.digest !== digest) return false;
  }
  return true;
}
