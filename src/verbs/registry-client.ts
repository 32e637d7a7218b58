import { RegistryClient } from '../stores/registry/client.ts';
import type { Discovery } from '../stores/registry/discovery.ts';
import type { CredentialSource } from '../stores/registry/credential.ts';
import { defaultCredentials, fixedCredentials } from '../stores/registry/credentials.ts';
import type { WaitListener } from '../stores/registry/sender.ts';
import type { RegistryAccess } from './registry-access.ts';

export interface ClientOptions {
  registry?: RegistryAccess | undefined;
  onWait?: WaitListener;
  /** What an earlier client found out, in place of a first contact. */
  discovery?: Discovery | undefined;
}

/**
 * A client for one registry. This file is loaded late (`await import`): the HTTP client takes longer to load than all
 * the rest, and a push into a layout needs none of it.
 */
export function registryClient(
  host: string,
  { registry = {}, onWait, discovery }: ClientOptions = {},
): RegistryClient {
  const { insecure = [], caFile, trustedTokenServers, maxWaitMs } = registry;
  return new RegistryClient({
    host,
    credentials: credentialSource(host, registry),
    insecure: insecure.includes(host),
    discovery,
    ...(caFile !== undefined && { caFile }),
    ...(trustedTokenServers !== undefined && { trustedRealms: trustedTokenServers }),
    ...(maxWaitMs !== undefined && { maxWaitMs }),
    ...(onWait !== undefined && { onWait }),
  });
}

/** The login given for the host, else what the environment and the files have. */
function credentialSource(host: string, { logins = {} }: RegistryAccess): CredentialSource {
  const login = Object.hasOwn(logins, host) ? logins[host] : undefined;
  return login === undefined
    ? defaultCredentials()
    : fixedCredentials(host, { kind: 'basic', source: 'the command line', ...login });
}
