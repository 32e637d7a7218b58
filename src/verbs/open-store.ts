import { usageError } from '../base/errors.ts';
import type { ImageStore } from '../stores/image-store.ts';
import { openLayout } from '../stores/layout/layout-store.ts';
import type { Reference } from '../stores/reference.ts';
import type { ProgressListener } from './progress.ts';

export interface OpenStoreOptions {
  /** Plain HTTP and unverified certificates are allowed. */
  insecure?: boolean;
  onProgress?: ProgressListener;
}

/** The place that a reference names, whatever kind it is. */
export async function openImageStore(reference: Reference, options: OpenStoreOptions): Promise<ImageStore> {
  switch (reference.transport) {
    case 'oci':
      return openLayout(reference.directory);
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
  const destination = `${host}/${repository}`;
  const client = new RegistryClient({
    host,
    ...(options.insecure !== undefined && { insecure: options.insecure }),
    onWait: (reason, milliseconds) =>
      options.onProgress?.({ type: 'wait', destination, reason, milliseconds }),
  });
  return new RegistryStore({ client, repository });
}
