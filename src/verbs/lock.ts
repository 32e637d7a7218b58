import pLimit from 'p-limit';
import type { Digest } from '../base/digest.ts';
import { NixpushError, usageError } from '../base/errors.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import type { Platform } from '../image/descriptor.ts';
import type { ImageStore, StoreOptions } from '../stores/image-store.ts';
import { formatReference } from '../stores/reference.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import {
  LOCK_FILE,
  parseLockable,
  readLockFile,
  writeLockFile,
  type LockableReference,
  type LockedDigests,
} from './lock/lock-file.ts';
import { openImageStore, type OpenStoreOptions } from './open-store.ts';
import { pullImageArguments, type PullImageArguments } from './lock/pull-image.ts';
import type { ProgressListener } from './progress.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface LockOptions {
  /** Default `nixpush.lock` in the current directory. */
  file?: string;
  /** Write nothing; only see what has moved. */
  check?: boolean;
  /** Find out what nixpkgs' `dockerTools.pullImage` wants for each image; that takes all of its bytes. */
  pullImage?: boolean;
  /** `OS/ARCH[/VARIANT]`, for `pullImage`; default `linux/` and this machine's. */
  platform?: string;
  registry?: RegistryAccess;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

export interface LockResult {
  file: string;
  /** Sorted by name. */
  images: readonly LockedImage[];
}

export interface LockedImage {
  /** In full: `docker.io/library/debian:12`. */
  name: string;
  /** What the tag points at now: an index where the image is for several platforms. */
  digest: Digest;
  /** What the file had before; undefined if it had nothing. */
  locked?: Digest;
  /** `new` and `moved` are in the file now, unless it was only checked. */
  state: 'new' | 'moved' | 'unchanged';
  pullImage?: PullImageArguments;
}

/** Requests at the same time. */
const PARALLEL = 8;

/**
 * Resolves tags to digests and keeps them in a file: those of `references`, which are added, or else of all images that
 * the file has. With `check` the file stays as it is. Throws NixpushError, before anything is written.
 */
export async function lock(references: readonly string[], options: LockOptions = {}): Promise<LockResult> {
  const { file = LOCK_FILE, check = false } = options;
  const platform = platformFor(options);
  const given = references.map((text) => formatReference(parseLockable(text)));
  const before = await readLockFile(file);
  if (before === undefined && (given.length === 0 || check)) throw noFile(file);
  const locked: LockedDigests = before ?? new Map<string, Digest>();
  const names = given.length > 0 ? [...new Set(given)] : [...locked.keys()];
  const registries = new Registries(options);
  try {
    const limit = pLimit(PARALLEL);
    const images = await Promise.all(
      names.sort().map((name) => limit(() => lookUp(registries, name, locked.get(name)))),
    );
    if (options.pullImage === true)
      // One after the other: each is a download. While only checking, what the file has counts.
      for (const image of images) {
        const digest = check ? (image.locked ?? image.digest) : image.digest;
        const asked = { digest, platform, onProgress: options.onProgress };
        image.pullImage = await registries.at(image.name, (store, reference, reading) =>
          pullImageArguments(store, reference, { ...asked, ...reading }),
        );
      }
    if (!check && images.some(({ state }) => state !== 'unchanged')) {
      const now = images.map(({ name, digest }): [string, Digest] => [name, digest]);
      await writeLockFile(file, new Map([...locked, ...now]));
    }
    return { file, images };
  } finally {
    await registries.close();
  }
}

function platformFor({ platform, pullImage }: LockOptions): Platform {
  if (platform === undefined) return hostPlatform();
  if (pullImage !== true)
    throw usageError(
      'a lock is for all platforms of an image',
      '--platform says for which one --nix prints what pullImage wants.',
    );
  return parsePlatform(platform);
}

function noFile(file: string): NixpushError {
  return new NixpushError('ERR_NOT_FOUND', `there is no ${file}`, {
    path: file,
    hint: 'Make it with nixpush lock REF…',
  });
}

async function lookUp(
  registries: Registries,
  name: string,
  locked: Digest | undefined,
): Promise<LockedImage> {
  const digest = await registries.at(name, async (store, { tag }, reading) => {
    const found = await store.headManifest(tag, reading);
    if (found !== undefined) return found.digest;
    throw new NixpushError('ERR_NOT_FOUND', `${store.name} has no tag ${tag}`);
  });
  if (locked === undefined) return { name, digest, state: 'new' };
  return { name, digest, locked, state: locked === digest ? 'unchanged' : 'moved' };
}

/** Several images of one registry share its connections and tokens. */
class Registries {
  readonly #options: OpenStoreOptions;
  readonly #reading: StoreOptions;
  readonly #stores: ImageStore[] = [];

  constructor({ registry, onProgress, signal }: LockOptions) {
    this.#reading = signal === undefined ? {} : { signal };
    this.#options = {
      clients: new Map<string, RegistryClient>(),
      ...(registry !== undefined && { registry }),
      ...(onProgress !== undefined && { onProgress }),
      ...this.#reading,
    };
  }

  /** Does something in the repository of an image. */
  async at<T>(
    name: string,
    work: (store: ImageStore, reference: LockableReference, reading: StoreOptions) => Promise<T>,
  ): Promise<T> {
    const reference = parseLockable(name);
    const store = await openImageStore(reference, this.#options);
    this.#stores.push(store);
    return work(store, reference, this.#reading);
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }
}
