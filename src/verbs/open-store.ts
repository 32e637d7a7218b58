import { usageError } from '../base/errors.ts';
import type { ImageStore } from '../stores/image-store.ts';
import { openLayout } from '../stores/layout/layout-store.ts';
import type { Reference } from '../stores/reference.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { ProgressListener } from './progress.ts';

export interface OpenStoreOptions {
  /** Plain HTTP and unverified certificates are allowed. */
  insecure?: boolean;
  /** Seconds that one request may wait in all before its last try; default five minutes. */
  maxWait?: number;
  /** A layout that is not there yet will do: it is about to be written. */
  create?: boolean;
  /** Clients by host: places of one registry that are opened with the same map share tokens, waits and connections. */
  clients?: Map<string, RegistryClient>;
  onProgress?: ProgressListener;
}

/** The place that a reference names, whatever kind it is. */
export async function openImageStore(reference: Reference, options: OpenStoreOptions): Promise<ImageStore> {
  switch (reference.transport) {
    case 'oci':
      return openLayout(reference.directory, { create: options.create ?? false });
    case 'docker':
      return openRegistry(reference.host, reference.repository, options);
    case 'docker-archive':
      throw usageError('docker-archive is not supported yet', 'Use oci:DIR or a registry.');
  }
}

/** Loaded late: the HTTP client takes longer to load than all the rest, and a push into a layout needs none of it. */
async function openRegistry(
  host: string,
  repository: string,
  options: OpenStoreOptions,
): Promise<ImageStore> {
  const { RegistryClient } = await import('../stores/registry/client.ts');
  const { RegistryStore } = await import('../stores/registry/registry-store.ts');
  const { defaultCredentials } = await import('../stores/registry/credentials.ts');
  const { clients = new Map<string, RegistryClient>(), onProgress } = options;
  const client =
    clients.get(host) ??
    new RegistryClient({
      host,
      credentials: defaultCredentials(),
      ...(options.insecure !== undefined && { insecure: options.insecure }),
      ...(options.maxWait !== undefined && { maxWaitMs: options.maxWait * 1000 }),
      onWait: (reason, milliseconds) =>
        onProgress?.({ type: 'wait', destination: host, reason, milliseconds }),
    });
  clients.set(host, client);
  return new RegistryStore({ client, repository });
}
