import { usageError } from '../base/errors.ts';
import { cacheDirectory } from '../base/cache-directory.ts';
import type { ImageStore } from '../stores/image-store.ts';
import type { Reference } from '../stores/reference.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { Discovery } from '../stores/registry/discovery.ts';
import type { WaitListener } from '../stores/registry/sender.ts';
import type { UploadPolicy } from '../stores/registry/upload/upload-task.ts';
import type { ProgressListener } from './progress.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface OpenStoreOptions {
  registry?: RegistryAccess;
  /** A layout that is not there yet will do: it is about to be written. */
  create?: boolean;
  /** Clients by host: places of one registry that are opened with the same map share tokens, waits and connections. */
  clients?: Map<string, RegistryClient>;
  /** What earlier clients found out, by host. Where it is out of date, requests fail. */
  discoveries?: ReadonlyMap<string, Discovery>;
  onProgress?: ProgressListener;
  signal?: AbortSignal | undefined;
}

/** The place that a reference names, whatever kind it is. Each kind is loaded when it is needed. */
export async function openImageStore(reference: Reference, options: OpenStoreOptions): Promise<ImageStore> {
  switch (reference.transport) {
    case 'oci': {
      const { openLayout } = await import('../stores/layout/layout-store.ts');
      return openLayout(reference.directory, { create: options.create ?? false });
    }
    case 'docker':
      return openRegistry(reference.host, reference.repository, options);
    case 'docker-archive':
      return openDockerArchive(reference.file, options);
  }
}

async function openDockerArchive(
  file: string,
  { create = false, signal }: OpenStoreOptions,
): Promise<ImageStore> {
  if (create) {
    const { ArchiveWriter } = await import('../stores/archive/archive-writer.ts');
    return new ArchiveWriter(file);
  }
  const { openArchive } = await import('../stores/archive/archive-store.ts');
  const { decompress } = await import('../layers/decompress.ts');
  return openArchive(file, decompress, signal === undefined ? {} : { signal });
}

async function openRegistry(
  host: string,
  repository: string,
  options: OpenStoreOptions,
): Promise<ImageStore> {
  const { RegistryStore } = await import('../stores/registry/registry-store.ts');
  const { registryClient } = await import('./registry-client.ts');
  const { clients = new Map<string, RegistryClient>(), registry, discoveries, onProgress } = options;
  const onWait: WaitListener = (reason, milliseconds, longest) =>
    onProgress?.({
      type: 'wait',
      destination: host,
      reason,
      milliseconds,
      ...(longest !== undefined && { longest }),
    });
  const client =
    clients.get(host) ?? registryClient(host, { registry, onWait, discovery: discoveries?.get(host) });
  clients.set(host, client);
  const uploads = uploadPolicy(registry);
  return new RegistryStore({ client, repository, uploads, onWait, cacheDirectory: cacheDirectory() });
}

function uploadPolicy({ chunkSize, uploadMode }: RegistryAccess = {}): Partial<UploadPolicy> {
  if (chunkSize !== undefined && (!Number.isSafeInteger(chunkSize) || chunkSize < 1))
    throw usageError(`a chunk size of ${chunkSize} bytes is not a whole number above 0`);
  return {
    ...(chunkSize !== undefined && { bodyBytes: chunkSize }),
    ...(uploadMode !== undefined && { mode: uploadMode }),
  };
}
