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

/** Whom to trust at a host, and what to show it. */
export interface TlsTrust {
  /** Undefined: Node's own authorities, which costs nothing. */
  readonly first: SecureContext | undefined;
  /** With the system's authorities added, for a certificate that `first` knows no authority of. Takes 0.1 s. */
  full(): SecureContext;
}

/**
 * Node's authorities with NODE_EXTRA_CA_CERTS, then the system's, those of `caFile`, and what the host's `certs.d`
 * directory adds (containers-certs.d(5)): `*.crt` authorities, `*.cert` with `*.key` to show.
 * `host` is host[:port]. Throws ERR_IO or ERR_FORMAT for a file of it that cannot be used.
 */
export function tlsTrust(host: string, caFile?: string): TlsTrust {
  const own = readCertsDirectory(host);
  const authorities = [...own.authorities, ...(caFile === undefined ? [] : [readCertificate(caFile)])];
  const context = once((): SecureContext => {
    const ca = [...rootCertificates, ...systemAuthorities(), ...authorities];
    try {
      return createSecureContext({ ca, ...own.identity });
    } catch (error) {
      const reason = (error as Error).message;
      throw new NixpushError('ERR_FORMAT', `the certificates for ${host} cannot be used: ${reason}`, {
        host,
        cause: error,
      });
    }
  });
  const special = authorities.length > 0 || own.identity !== undefined;
  return { first: special ? context() : undefined, full: context };
}

/** No certificate of this chain is from an authority that is known: more authorities may help. */
export function isUnknownAuthority(error: unknown): boolean {
  return UNKNOWN_AUTHORITY.has((error as NodeJS.ErrnoException | null)?.code ?? '');
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
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
  readonly identity?: { readonly cert: string; readonly key: string };
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
  return { authorities: [] };
}

function readCertificates(directory: string, names: readonly string[]): HostCertificates {
  const read = (name: string): string => readCertificate(join(directory, name));
  const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
  const certificate = names.find((name) => name.endsWith('.cert'));
  if (certificate === undefined) return { authorities };
  const key = certificate.replace(/\.cert$/, '.key');
  return { authorities, identity: { cert: read(certificate), key: read(key) } };
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw ioError(error, 'cannot read', path);
  }
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
