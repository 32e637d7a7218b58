import { parseReference } from '../stores/reference.ts';
import type { UploadMode } from '../stores/registry/upload/upload-mode.ts';
import { parseRegistryAddress, parseRegistryHost } from '../stores/registry-address.ts';

/** How registries are spoken to: the same for every verb that does. Hosts are written `HOST[:PORT]`, as in references. */
export interface RegistryAccess {
  /** Logins by host, before any that is found in the environment and in files. */
  logins?: Readonly<Record<string, RegistryLogin>>;
  /** Hosts that may be spoken to without TLS or with an unverified certificate. Loopback may always do without TLS. */
  insecure?: readonly string[];
  /** A file with certificates of authorities to trust in addition. */
  caFile?: string;
  /** Token servers of another domain than their registry's that may see its credentials. */
  trustedTokenServers?: readonly string[];
  /** How long one request may wait in all before it is tried for the last time, milliseconds. Default five minutes. */
  maxWaitMs?: number;
  /** No request carries more of a blob than this, bytes: for proxies with a limit. A chunk is held in memory for each upload. */
  chunkSize?: number;
  /** The only way to send blobs. Default: what works best with the registry, which is found out and remembered. */
  uploadMode?: UploadMode;
}

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
  /** Where it was found, for messages. Default: the command line. */
  readonly source?: string;
}

/** The registries among the places that `references` name. Throws ERR_USAGE. */
export function registryHosts(references: readonly string[]): string[] {
  const parsed = references.map(parseReference);
  return [
    ...new Set(parsed.flatMap((reference) => (reference.transport === 'docker' ? [reference.host] : []))),
  ];
}

/** `HOST[:PORT]` as references have them. Throws ERR_USAGE. */
export function parseRegistryHosts(hosts: readonly string[]): string[] {
  return hosts.map(parseRegistryHost);
}

/** The host of `HOST[:PORT][/REPO]`. Throws ERR_USAGE. */
export function hostOfAddress(address: string): string {
  return parseRegistryAddress(address).host;
}
