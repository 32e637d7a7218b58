import type { Digest } from '../../base/digest.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type {
  BlobId,
  BlobSource,
  ImageStore,
  PutBlobOptions,
  PutBlobResult,
  PutManifestOptions,
  StoredManifest,
  StoreOptions,
} from '../image-store.ts';
import { hasBlob } from './blob-exists.ts';
import { getBlob } from './blob-get.ts';
import { mountBlob } from './blob-mount.ts';
import type { RegistryClient, Scope } from './client.ts';
import { deleteManifest } from './manifest-delete.ts';
import { getManifest } from './manifest-get.ts';
import { headManifest } from './manifest-head.ts';
import { putManifest } from './manifest-put.ts';
import { listReferrers } from './referrers.ts';
import { repositoryName, type Repository } from './repository.ts';
import type { WaitListener } from './sender.ts';
import { listTags } from './tags.ts';
import { abortUpload } from './upload/abort.ts';
import { defaultUploadPolicy } from './upload/default-policy.ts';
import { ProfileCache } from './upload/profile-cache.ts';
import { hintsFor } from './upload/registry-hints.ts';
import { RegistryProfile } from './upload/registry-profile.ts';
import { SessionFile } from './upload/session-file.ts';
import { UploadMeter } from './upload/upload-meter.ts';
import type { UploadPolicy, UploadTask } from './upload/upload-task.ts';
import type { UploadSession } from './upload/upload-session.ts';

export interface RegistryStoreOptions {
  /** Closed with the store. */
  client: RegistryClient;
  /** Without the host: `library/debian`. */
  repository: string;
  /** Where it differs from the default. */
  uploads?: Partial<UploadPolicy>;
  /** Where it is remembered, for later processes, what the registry can do and how far uploads came. Default: nowhere. */
  cacheDirectory?: string | undefined;
  /** An upload waits before it begins anew. The client tells its own waits. */
  onWait?: WaitListener;
}

/** A repository of a registry that speaks the OCI distribution protocol. */
export class RegistryStore implements ImageStore {
  readonly name: string;
  readonly registry: string;
  /** Registries refuse a manifest whose blobs they lack. */
  readonly keepsImagesWhole = true;
  readonly #reading: Repository;
  readonly #writing: Repository;
  readonly #policy: UploadPolicy;
  readonly #onWait: RegistryStoreOptions['onWait'];
  readonly #cacheDirectory: string | undefined;
  readonly #profiles: ProfileCache | undefined;
  #profile: Promise<RegistryProfile> | undefined;
  /** Sessions that mounts opened in vain; the next uploads take them. */
  readonly #spare: UploadSession[] = [];

  constructor({ client, repository, uploads, onWait, cacheDirectory }: RegistryStoreOptions) {
    this.#onWait = onWait;
    this.#reading = { client, repository, scopes: [{ repository, actions: ['pull'] }] };
    this.#writing = { client, repository, scopes: [{ repository, actions: ['pull', 'push'] }] };
    this.#policy = { ...defaultUploadPolicy, ...uploads };
    this.#cacheDirectory = cacheDirectory;
    if (cacheDirectory !== undefined) this.#profiles = new ProfileCache(cacheDirectory, this.#policy.clock);
    this.name = repositoryName(this.#reading);
    this.registry = client.host;
  }

  async hasBlob(blob: BlobId, { signal }: StoreOptions = {}): Promise<boolean> {
    return hasBlob(this.#reading, blob, signal);
  }

  getBlob(blob: BlobId, { signal }: StoreOptions = {}): AsyncIterable<Uint8Array> {
    return getBlob(this.#reading, blob, signal);
  }

  async putBlob(source: BlobSource, options: PutBlobOptions = {}): Promise<PutBlobResult> {
    const { id } = source;
    // With the scope of the upload that follows, so that one token does for both.
    const mayBeThere = id !== undefined && options.isMissing !== true;
    if (mayBeThere && (await hasBlob(this.#writing, id, options.signal))) {
      return { digest: id.digest, size: id.size, outcome: 'exists', sentBytes: 0 };
    }
    const file = await this.#sessionFile(source);
    const profile = await this.#loadProfile();
    const task = this.#task(source, options, { file, profile });
    // Loaded late: most blobs are there already.
    const { uploadBlob } = await import('./upload/upload.ts');
    try {
      const { digest, size } = await uploadBlob(task, () => this.#spare.pop());
      await file?.forget();
      return { digest, size, outcome: 'uploaded', sentBytes: task.meter.sentBytes };
    } finally {
      await file?.close();
      await this.#keepProfile(profile);
    }
  }

  /** Only another repository of the same registry can be mounted from. */
  async mountBlob(blob: BlobId, from: ImageStore, { signal }: StoreOptions = {}): Promise<boolean> {
    if (!(from instanceof RegistryStore)) return false;
    const { client, repository } = from.#reading;
    if (client.host !== this.#writing.client.host || repository === this.#writing.repository) return false;
    const outcome = await mountBlob(this.#writing, blob, repository, signal);
    if (outcome !== 'mounted' && outcome !== undefined) this.#spare.push(outcome);
    return outcome === 'mounted';
  }

  async getManifest(reference: string, { signal }: StoreOptions = {}): Promise<StoredManifest> {
    return getManifest(this.#reading, reference, signal);
  }

  async headManifest(reference: string, { signal }: StoreOptions = {}): Promise<Descriptor | undefined> {
    return headManifest(this.#reading, reference, signal);
  }

  async putManifest(
    manifest: StoredManifest,
    tags: readonly string[],
    options: PutManifestOptions = {},
  ): Promise<void> {
    await putManifest(this.#writing, manifest, tags, options);
  }

  async listTags({ signal }: StoreOptions = {}): Promise<string[]> {
    return listTags(this.#reading, signal);
  }

  async listReferrers(subject: Digest, { signal }: StoreOptions = {}): Promise<Descriptor[]> {
    return listReferrers(this.#reading, subject, signal);
  }

  async deleteManifest(reference: string, { signal }: StoreOptions = {}): Promise<void> {
    const { client, repository } = this.#writing;
    const scopes: Scope[] = [{ repository, actions: ['pull', 'push', 'delete'] }];
    await deleteManifest({ client, repository, scopes }, reference, signal);
  }

  async parallelBlobs({ signal }: StoreOptions = {}): Promise<number> {
    const { client } = this.#writing;
    const { software } = await client.discovery(signal);
    return hintsFor(client.host, software).parallelBlobs ?? Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    const { abortMs } = this.#policy;
    await Promise.all(
      this.#spare.splice(0).map(async (session) => abortUpload(this.#writing, session, abortMs)),
    );
    await this.#writing.client.close();
  }

  /** Small blobs are sent again sooner than they are looked for. */
  async #sessionFile(source: BlobSource): Promise<SessionFile | undefined> {
    const isSmall = source.id !== undefined && source.id.size <= this.#policy.monolithicBytes;
    if (this.#cacheDirectory === undefined || isSmall) return undefined;
    const { client, repository } = this.#writing;
    const upload = { host: client.host, repository, source };
    return SessionFile.open(this.#cacheDirectory, upload, this.#policy.clock);
  }

  async #loadProfile(): Promise<RegistryProfile> {
    this.#profile ??= this.#makeProfile();
    this.#profile.catch(() => {
      this.#profile = undefined;
    });
    return this.#profile;
  }

  async #makeProfile(): Promise<RegistryProfile> {
    const { client } = this.#writing;
    const { software } = await client.discovery();
    return new RegistryProfile({
      ...hintsFor(client.host, software),
      ...(await this.#profiles?.get(client.host)),
    });
  }

  async #keepProfile(profile: RegistryProfile): Promise<void> {
    if (!profile.isChanged) return;
    profile.saved();
    await this.#profiles?.set(this.#writing.client.host, profile.facts);
  }

  #task(
    source: BlobSource,
    { signal, onBytes }: StoreOptions,
    remembered: Pick<UploadTask, 'file' | 'profile'>,
  ): UploadTask {
    return {
      ...this.#writing,
      ...remembered,
      source,
      policy: this.#policy,
      meter: new UploadMeter(onBytes),
      signal,
      onWait: this.#onWait,
    };
  }
}
