import { parseRegistryAddress } from '../stores/registry-address.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import { auth, type AuthCredentials } from './auth.ts';
import type { Finding } from './doctor/finding.ts';
import type { RegistryAccess } from './registry-access.ts';

export type { Finding } from './doctor/finding.ts';

export interface DoctorOptions {
  registry?: RegistryAccess;
  signal?: AbortSignal;
}

export interface DoctorResult {
  host: string;
  repository?: string;
  findings: readonly Finding[];
}

/**
 * Finds out by trying what a registry can do, and what its user may do in a repository of it. Nothing is left behind:
 * uploads are cancelled, and a probe is pushed only where it can be deleted again.
 * Throws ERR_USAGE, and ERR_NETWORK if the registry cannot be reached.
 */
export async function doctor(address: string, options: DoctorOptions = {}): Promise<DoctorResult> {
  const { host, repository } = parseRegistryAddress(address);
  const { registry, signal } = options;
  const credentials = await credentialsFor(address, host, options);
  const { registryClient } = await import('./registry-client.ts');
  const client = registryClient(host, { registry });
  try {
    const findings = await examine(client, repository, credentials, signal);
    return { host, ...(repository !== undefined && { repository }), findings };
  } finally {
    await client.close();
  }
}

async function credentialsFor(
  address: string,
  host: string,
  { registry, signal }: DoctorOptions,
): Promise<AuthCredentials | undefined> {
  const given = registry?.logins?.[host];
  if (given !== undefined) {
    return { kind: 'basic', source: 'the command line', username: given.username };
  }
  return (await auth(address, signal === undefined ? {} : { signal })).credentials;
}

async function examine(
  client: RegistryClient,
  repository: string | undefined,
  credentials: AuthCredentials | undefined,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const { probeAccess } = await import('./doctor/access.ts');
  const { knownLimits } = await import('./doctor/known-limits.ts');
  const reading = repository === undefined ? [] : [{ repository, actions: ['pull'] as const }];
  const access = await probeAccess(client, credentials, reading, signal);
  const about = [...access, ...knownLimits(client.host)];
  const isRefused = access.some(({ check, result }) => check === 'lets in' && result === 'no');
  if (repository === undefined || isRefused) return about;
  const { findSample } = await import('./doctor/sample.ts');
  const { probeReading } = await import('./doctor/reading.ts');
  const { probeUploads } = await import('./doctor/uploads.ts');
  const { probeManifests } = await import('./doctor/manifests.ts');
  const reader = { client, repository, scopes: reading, signal };
  const writer = { ...reader, scopes: [{ repository, actions: ['pull', 'push'] as const }] };
  const sample = await findSample(reader);
  const uploads = await probeUploads(writer, sample);
  const mayPush = uploads.some(({ check, result }) => check === 'push' && result === 'yes');
  return [
    ...about,
    ...(await probeReading(reader, sample)),
    ...uploads,
    ...(await probeManifests(writer, mayPush)),
  ];
}
