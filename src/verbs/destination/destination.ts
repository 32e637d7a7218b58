import { setMaxListeners } from 'node:events';
import type { Digest } from '../../base/digest.ts';
import { abortError, usageError } from '../../base/errors.ts';
import type { ImageStore } from '../../stores/image-store.ts';
import { formatReference, parseReference, type Reference } from '../../stores/reference.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import { openImageStore, type OpenStoreOptions } from '../open-store.ts';
import type { PushedDestination } from '../push-result.ts';

const DEFAULT_TAG = 'latest';

interface Target {
  /** As the user wrote it. */
  readonly text: string;
  /** Of an archive: the image's name. undefined: nothing but the digest will name the image. */
  readonly tag: string | undefined;
}

/** What tags name; undefined of one that is not there. */
export type FoundTags = ReadonlyMap<string, Digest | undefined>;

/** One place and the tags wanted there. Once it fails it takes no more part; what it was doing is cancelled. */
export class Destination {
  readonly store: ImageStore;
  readonly #targets: readonly Target[];
  readonly #controller = new AbortController();
  readonly #onFailure: (destination: string, error: Error) => void;
  #foundTags: Promise<FoundTags> | undefined;
  #sentBytes = 0;
  #error: Error | undefined;

  constructor(
    store: ImageStore,
    targets: readonly Target[],
    onFailure: (destination: string, error: Error) => void,
    foundTags?: FoundTags,
  ) {
    this.store = store;
    this.#targets = targets;
    this.#onFailure = onFailure;
    this.#foundTags = foundTags && Promise.resolve(foundTags);
    // Every blob on its way here listens.
    setMaxListeners(0, this.#controller.signal);
  }

  get name(): string {
    return this.store.name;
  }

  get tags(): string[] {
    return [...new Set(this.#targets.flatMap(({ tag }) => tag ?? []))];
  }

  get error(): Error | undefined {
    return this.#error;
  }

  /** What its tags name before anything is done here: asked once. */
  async foundTags(): Promise<FoundTags> {
    const { signal } = this.#controller;
    const find = async (tag: string): Promise<readonly [string, Digest | undefined]> => [
      tag,
      (await this.store.headManifest(tag, { signal }))?.digest,
    ];
    this.#foundTags ??= Promise.all(this.tags.map(find)).then((found) => new Map(found));
    return this.#foundTags;
  }

  /** Does a part of the work here, unless this destination has failed. A failure is kept, not thrown. */
  async attempt(work: (store: ImageStore, signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#error !== undefined) return;
    try {
      await work(this.store, this.#controller.signal);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Gives this destination up: the first reason counts. */
  fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#controller.abort(error);
    this.#onFailure(this.name, error);
  }

  countSent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** One result for each DEST that led here. */
  results(manifest: Digest | undefined): PushedDestination[] {
    const failed = this.#error !== undefined;
    return this.#targets.map(({ text, tag }) => ({
      destination: text,
      ...(manifest !== undefined && !failed && { reference: `${this.name}@${manifest}` }),
      tags: manifest === undefined || failed || tag === undefined ? [] : [tag],
      sentBytes: this.#sentBytes,
      ...(this.#error !== undefined && { error: this.#error }),
    }));
  }
}

/** What an image is called where a DEST does not say it. */
export interface DefaultNames {
  readonly tag?: string | undefined;
  /** Of an image in an archive: `ghcr.io/x/demo:1.0`. */
  readonly name?: string | undefined;
}

/** Names of an image that has one already, such as `ghcr.io/x/demo:1.0`. */
export function namesOfImage(name: string | undefined): DefaultNames {
  return { tag: name?.slice(name.lastIndexOf(':') + 1) ?? DEFAULT_TAG, name };
}

export interface OpenDestinationsOptions extends OpenStoreOptions {
  /** Where it was asked just now: what the tags name, by the name of the destination. */
  foundTags?: ReadonlyMap<string, FoundTags> | undefined;
}

/** Reads all texts before anything is opened, and opens each place once. Throws ERR_USAGE and what opening throws. */
export async function openDestinations(
  texts: readonly string[],
  options: OpenDestinationsOptions,
  names: DefaultNames = { tag: DEFAULT_TAG },
): Promise<Destination[]> {
  const { clients = new Map<string, RegistryClient>() } = options;
  const places = new Map<string, { reference: Reference; targets: Target[] }>();
  for (const text of texts) {
    const reference = parseReference(text);
    const { place, tag } = splitDestination(text, reference, names);
    const name = formatReference(place);
    const known = places.get(name) ?? { reference: place, targets: [] };
    known.targets.push({ text, tag });
    places.set(name, known);
  }
  const onFailure = (destination: string, error: Error): void =>
    options.onProgress?.({ type: 'destination-failed', destination, error });
  return Promise.all(
    [...places.values()].map(async ({ reference, targets }) => {
      const store = await openImageStore(reference, { ...options, create: true, clients });
      return new Destination(store, targets, onFailure, options.foundTags?.get(store.name));
    }),
  );
}

function splitDestination(
  text: string,
  reference: Reference,
  names: DefaultNames,
): { place: Reference; tag: string | undefined } {
  if (reference.transport === 'docker-archive') {
    const { image, ...place } = reference;
    if (image?.startsWith('@') === true)
      throw usageError(`${text}: a new archive has no image ${image}`, 'Give the image a name, or none.');
    return { place, tag: image ?? names.name };
  }
  const { tag, digest, ...place } = reference;
  if (digest !== undefined)
    throw usageError(`${text}: a push cannot choose its digest`, 'Leave out the part from the @ on.');
  return { place, tag: tag ?? names.tag };
}

/** Gives all destinations up when the caller's signal says so. Returns how to stop listening. */
export function failOnAbort(
  destinations: readonly Destination[],
  signal: AbortSignal | undefined,
): () => void {
  if (signal === undefined) return () => undefined;
  const onAbort = (): void => {
    for (const destination of destinations) destination.fail(abortError(signal));
  };
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  return () => {
    signal.removeEventListener('abort', onAbort);
  };
}

/** Throws the first one's error. */
export function throwIfAllFailed(destinations: readonly Destination[]): void {
  const errors = destinations.flatMap(({ error }) => error ?? []);
  if (errors.length === destinations.length) throw errors[0]!;
}

/** How many blobs may be on their way at the same time: `jobs`, or fewer where the destination cannot take as many. */
export async function parallelBlobs(destination: Destination, jobs: number): Promise<number> {
  let most = jobs;
  await destination.attempt(async (store, signal) => {
    most = Math.min(jobs, (await store.parallelBlobs?.({ signal })) ?? jobs);
  });
  return most;
}
