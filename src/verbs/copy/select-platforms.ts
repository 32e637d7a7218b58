import { sha256 } from '../../base/digest.ts';
import { NixpushError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import type { ImageIndex } from '../../image/manifest.ts';
import { isIndexType } from '../../image/media-types.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { formatPlatform, matchesPlatform } from '../../image/platform.ts';
import type { ImageStore, StoredManifest, StoreOptions } from '../../stores/image-store.ts';
import type { GetManifest } from './image-content.ts';
import { readConfig } from '../read/read-config.ts';

/** Buildkit's annotation of an attestation's descriptor: the digest of the image that it speaks of. */
const ATTESTATION_OF = 'vnd.docker.reference.digest';

const MOST_LEVELS = 8;

export interface Selection {
  readonly root: StoredManifest;
  /** Gets the manifests below `root`, also those that exist nowhere yet. */
  readonly get: GetManifest;
}

/**
 * The part of an index that is for some platforms. One platform gives that image as it is; several give an index that
 * keeps all else of the old one: order, annotations, attestations of what is kept. An image that is no index must be for
 * one of the platforms. Throws ERR_NOT_FOUND if a platform is missing.
 */
export async function selectPlatforms(
  store: ImageStore,
  root: StoredManifest,
  platforms: readonly Platform[],
  options: StoreOptions,
): Promise<Selection> {
  const get: GetManifest = async ({ digest }) => store.getManifest(digest, options);
  if (platforms.length === 0) return { root, get };
  const parsed = parseManifest(root.bytes, root.descriptor.mediaType, `the manifest of ${store.name}`);
  if (parsed.kind === 'image') {
    const config = await readConfig(store, parsed.config, options);
    const fits =
      config?.platform === undefined || platforms.some((each) => matchesPlatform(config.platform, each));
    if (fits && platforms.length === 1) return { root, get };
    throw missing(store.name, platforms, config?.platform === undefined ? [] : [config.platform]);
  }
  const filter = new IndexFilter(get, platforms, store.name);
  const filtered = await filter.filter(root, parsed, 0);
  const absent = platforms.filter((platform) => !filter.kept.some(fitting(platform)));
  if (filtered === undefined || absent.length > 0) throw missing(store.name, absent, filter.seen);
  const only = platforms.length === 1 ? filter.kept.find(fitting(platforms[0]!)) : undefined;
  if (only !== undefined) return { root: await get(only), get };
  return { root: filtered, get: async (descriptor) => filter.made.get(descriptor.digest) ?? get(descriptor) };
}

function fitting(wanted: Platform): (descriptor: Descriptor) => boolean {
  return ({ platform }) => matchesPlatform(platform, wanted);
}

class IndexFilter {
  /** Indexes made here, by digest. */
  readonly made = new Map<string, StoredManifest>();
  readonly kept: Descriptor[] = [];
  readonly seen: Platform[] = [];
  readonly #get: GetManifest;
  readonly #platforms: readonly Platform[];
  readonly #place: string;

  constructor(get: GetManifest, platforms: readonly Platform[], place: string) {
    this.#get = get;
    this.#platforms = platforms;
    this.#place = place;
  }

  /** undefined if nothing of the index is wanted. */
  async filter(
    stored: StoredManifest,
    { manifests }: ImageIndex,
    level: number,
  ): Promise<StoredManifest | undefined> {
    if (level > MOST_LEVELS)
      throw new NixpushError('ERR_FORMAT', `the index of ${this.#place} is nested too deep`);
    const choices: (Pick<Descriptor, 'digest' | 'size'> | undefined)[] = [];
    for (const descriptor of manifests) choices.push(await this.#choose(descriptor, level));
    for (const [at, { annotations, digest, size }] of manifests.entries()) {
      const subject = annotations?.[ATTESTATION_OF];
      if (this.kept.some((kept) => kept.digest === subject)) choices[at] ??= { digest, size };
    }
    if (choices.every((choice) => choice === undefined)) return undefined;
    if (choices.every((choice, at) => choice?.digest === manifests[at]?.digest)) return stored;
    return this.#make(stored, choices);
  }

  async #choose(
    descriptor: Descriptor,
    level: number,
  ): Promise<Pick<Descriptor, 'digest' | 'size'> | undefined> {
    if (isIndexType(descriptor.mediaType)) {
      const stored = await this.#get(descriptor);
      const what = `the manifest ${descriptor.digest} of ${this.#place}`;
      const parsed = parseManifest(stored.bytes, descriptor.mediaType, what);
      if (parsed.kind === 'index') return (await this.filter(stored, parsed, level + 1))?.descriptor;
    }
    const { platform } = descriptor;
    if (platform !== undefined && platform.os !== 'unknown') this.seen.push(platform);
    if (!this.#platforms.some((wanted) => matchesPlatform(platform, wanted))) return undefined;
    this.kept.push(descriptor);
    return descriptor;
  }

  /** The index with fewer entries; whatever else stands in it stays, also what image-spec does not know. */
  #make(
    { bytes, descriptor: { mediaType } }: StoredManifest,
    choices: readonly (Pick<Descriptor, 'digest' | 'size'> | undefined)[],
  ): StoredManifest {
    const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as { manifests: object[] };
    const manifests = json.manifests.flatMap((entry, at) => {
      const choice = choices[at];
      return choice === undefined ? [] : [{ ...entry, digest: choice.digest, size: choice.size }];
    });
    const made = Buffer.from(JSON.stringify({ ...json, manifests }));
    const digest = sha256(made);
    const stored = { descriptor: { mediaType, digest, size: made.byteLength }, bytes: made };
    this.made.set(digest, stored);
    return stored;
  }
}

function missing(place: string, wanted: readonly Platform[], there: readonly Platform[]): NixpushError {
  const list = (platforms: readonly Platform[]): string =>
    [...new Set(platforms.map(formatPlatform))].join(', ');
  return new NixpushError('ERR_NOT_FOUND', `${place} has no image for ${list(wanted)}`, {
    hint: there.length === 0 ? 'It names no platforms.' : `It has ${list(there)}.`,
  });
}
