import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { ioError, NixpushError } from '../../base/errors.ts';

/** Where systems keep the authorities they trust: the variables of OpenSSL and Nix, then the usual files. */
const SYSTEM_BUNDLES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

export interface TlsOptions {
  readonly secureContext?: SecureContext;
}

/**
 * Whom to trust at `host` (host[:port]): Node's authorities, the system's, those of NODE_EXTRA_CA_CERTS, and what
 * the host's `certs.d` directory adds (containers-certs.d(5)): `*.crt` authorities, `*.cert` with `*.key` to show.
 * Throws ERR_IO or ERR_FORMAT for a file of it that cannot be used.
 */
export function tlsOptions(host: string): TlsOptions {
  const own = readCertsDirectory(host);
  const authorities = [...rootCertificates, ...systemAuthorities(), ...own.authorities];
  try {
    const identity = own.identity === undefined ? {} : own.identity;
    return { secureContext: createSecureContext({ ca: authorities, ...identity }) };
  } catch (error) {
    throw new NixpushError(
      'ERR_FORMAT',
      `the certificates for ${host} cannot be used: ${(error as Error).message}`,
      {
        host,
        cause: error,
      },
    );
  }
}

function systemAuthorities(): string[] {
  const { SSL_CERT_FILE, NIX_SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = process.env;
  const named = SSL_CERT_FILE || NIX_SSL_CERT_FILE;
  const bundles = [
    ...(named ? [named] : SYSTEM_BUNDLES),
    ...(NODE_EXTRA_CA_CERTS ? [NODE_EXTRA_CA_CERTS] : []),
  ];
  return bundles.map(readIfPresent).filter((text) => text !== undefined);
}

interface HostCertificates {
  readonly authorities: readonly string[];
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
}

/** The first directory that exists counts. */
function readCertsDirectory(host: string): HostCertificates {
  const home = process.env['HOME'] ?? homedir();
  const roots = [join(home, '.config/containers/certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d'];
  for (const root of roots) {
    const directory = join(root, host);
    const names = namesIn(directory);
    if (names !== undefined) return readCertificates(directory, names);
  }
  return { authorities: [], identity: undefined };
}

function readCertificates(directory: string, names: readonly string[]): HostCertificates {
  const read = (name: string): string => {
    try {
      return readFileSync(join(directory, name), 'utf8');
    } catch (error) {
      throw ioError(error, 'cannot read', join(directory, name));
    }
  };
  const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
  const certificate = names.find((name) => name.endsWith('.cert'));
  if (certificate === undefined) return { authorities, identity: undefined };
  const key = certificate.replace(/\.cert$/, '.key');
  return { authorities, identity: { cert: read(certificate), key: read(key) } };
}

function namesIn(directory: string): string[] | undefined {
  try {
    return readdirSync(directory).sort();
  } catch {
    return undefined;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
