import pLimit from 'p-limit';
import type { Digest } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { isIndexType } from '../../image/media-types.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../../stores/image-store.ts';
import { tagsAbout } from './digest-tag.ts';
import type { GetManifest } from './image-content.ts';
import { getChild, parseStored } from '../read/read-index.ts';

/** Signatures, SBOMs and the like that are about an image, without being a part of it. */
export interface Attachment {
  readonly manifest: StoredManifest;
  /** The manifest that it says it is about. */
  readonly subject: Digest | undefined;
  /** Those that say by their form what it is about, as cosign's `sha256-<hex>.sig`. */
  readonly tags: readonly string[];
}

/** Manifests that are asked for attachments, and attachments, of one image. */
const MOST = 5000;

/** Requests at the same time. */
const PARALLEL = 8;

/** Finds attachments in one place; the tags there are listed once, for however many images. */
export class AttachmentFinder {
  readonly from: ImageStore;
  readonly #options: StoreOptions;
  readonly #limit = pLimit(PARALLEL);
  #tags: Promise<string[]> | undefined;

  constructor(from: ImageStore, options: StoreOptions = {}) {
    this.from = from;
    this.#options = options;
  }

  /**
   * What is attached to `root`, to the manifests below it, and to what is found so: the signature of an SBOM too.
   * Throws ERR_INTEGRITY for what is listed as being about something that it is not about, and what reading throws.
   */
  async find(root: StoredManifest, get: GetManifest): Promise<Attachment[]> {
    const found = new Map<Digest, Attachment>();
    const asked = new Set<Digest>();
    let images: readonly StoredManifest[] = [root];
    while (images.length > 0) {
      const subjects = new Set<Digest>();
      for (const image of images) await this.#addManifests(image, get, subjects);
      const fresh = [...subjects].filter((digest) => !asked.has(digest));
      for (const digest of fresh) asked.add(digest);
      if (asked.size + found.size > MOST)
        throw new NixpushError(
          'ERR_FORMAT',
          `${this.from.name}@${root.descriptor.digest} has more than ${MOST} manifests and attachments`,
        );
      const attached = await Promise.all(fresh.map((digest) => this.#about(digest)));
      images = merge(found, attached.flat());
    }
    return [...found.values()];
  }

  /** The digests of a manifest and of all below it. Only indexes have to be read. */
  async #addManifests(manifest: StoredManifest, get: GetManifest, into: Set<Digest>): Promise<void> {
    into.add(manifest.descriptor.digest);
    if (!isIndexType(manifest.descriptor.mediaType) || into.size > MOST) return;
    const parsed = parseStored(this.from, manifest);
    for (const child of parsed.kind === 'index' ? parsed.manifests : []) {
      if (into.has(child.digest)) continue;
      into.add(child.digest);
      if (isIndexType(child.mediaType)) await this.#addManifests(await get(child), get, into);
    }
  }

  async #about(subject: Digest): Promise<Attachment[]> {
    const [referrers, tags] = await Promise.all([
      this.#limit(() => this.from.listReferrers?.(subject, this.#options) ?? []),
      this.#tagsAbout(subject),
    ]);
    return Promise.all([
      ...referrers.map((each) => this.#limit(() => this.#referrer(subject, each))),
      ...tags.map((tag) => this.#limit(() => this.#tagged(tag))),
    ]).then((all) => all.filter((each) => each !== undefined));
  }

  /** Undefined for one that is listed, but gone: lists that clients keep are not always kept up to date. */
  async #referrer(subject: Digest, listed: Descriptor): Promise<Attachment | undefined> {
    let manifest: StoredManifest;
    try {
      manifest = await getChild(this.from, listed, this.#options);
    } catch (error) {
      if (error instanceof NixpushError && error.code === 'ERR_NOT_FOUND') return undefined;
      throw error;
    }
    const { subject: about } = parseStored(this.from, manifest);
    if (about?.digest === subject) return { manifest, subject, tags: [] };
    throw new NixpushError(
      'ERR_INTEGRITY',
      `${this.from.name} lists ${listed.digest} as about ${subject}, but it is not`,
      { digest: listed.digest },
    );
  }

  async #tagsAbout(subject: Digest): Promise<string[]> {
    this.#tags ??= this.from.listTags(this.#options);
    return tagsAbout(subject, await this.#tags);
  }

  async #tagged(tag: string): Promise<Attachment> {
    const manifest = await this.from.getManifest(tag, this.#options);
    return { manifest, subject: parseStored(this.from, manifest).subject?.digest, tags: [tag] };
  }
}

/** Adds attachments to those found so far; one can be found by several ways. Returns the manifests that are new. */
function merge(found: Map<Digest, Attachment>, more: readonly Attachment[]): StoredManifest[] {
  const fresh: StoredManifest[] = [];
  for (const { manifest, subject, tags } of more) {
    const { digest } = manifest.descriptor;
    const known = found.get(digest);
    if (known === undefined) fresh.push(manifest);
    found.set(digest, { manifest, subject, tags: [...new Set([...(known?.tags ?? []), ...tags])] });
  }
  return fresh;
}
