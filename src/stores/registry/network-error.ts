import { abortError, NixpushError } from '../../base/errors.ts';
import { safeText } from './safe-text.ts';
import { isUnknownAuthority } from './tls-trust.ts';

/** What was going on, for the message. */
export interface Attempt {
  /** `host[:port]` that was spoken to. */
  readonly host: string;
  readonly repository?: string | undefined;
  /** "pushing a blob" */
  readonly what: string;
}

const TRANSIENT: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed by the other side',
  ETIMEDOUT: 'the connection timed out',
  EAI_AGAIN: 'the name look-up failed for now',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'the network cannot be reached',
  UND_ERR_SOCKET: 'the connection was closed by the other side',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the time limit',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within the time limit',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
};

const PERMANENT: Record<string, string> = {
  UND_ERR_DESTROYED: 'the client was closed',
  UND_ERR_CLOSED: 'the client was closed',
  ENOTFOUND: 'the name of the host is not known',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an unknown authority',
  EPROTO: 'it does not speak TLS as expected',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
};

/** `ghcr.io/x/demo: pushing a blob` */
export function describeAttempt({ host, repository, what }: Attempt): string {
  return `${repository === undefined ? host : `${host}/${repository}`}: ${what}`;
}

/** An error of the connection as one of ours. Errors of ours, and a fired signal, pass. */
export function networkError(error: unknown, attempt: Attempt, signal?: AbortSignal): NixpushError {
  if (signal?.aborted === true) return abortError(signal);
  if (error instanceof NixpushError) return error;
  const code = errorCode(error);
  const { host, repository } = attempt;
  const suffix = code === '' ? '' : ` (${code})`;
  const hint = hintFor(error, host);
  return new NixpushError('ERR_NETWORK', `${describeAttempt(attempt)} failed: ${reasonOf(error)}${suffix}`, {
    host,
    ...(repository === undefined ? {} : { repository }),
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** `error` is what the connection threw, not one of ours. */
export function isTransientNetworkError(error: unknown): boolean {
  return Object.hasOwn(TRANSIENT, errorCode(error));
}

/** The https request failed, but not for want of TLS: nothing that plain HTTP may stand in for. */
export function spokeTls(error: unknown): boolean {
  const code = errorCode(error);
  // The latter come after the handshake only; a break in its middle is an ECONNRESET.
  return (
    isCertificateError(code) || isAlert(error) || ['UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'].includes(code)
  );
}

/** The host answered a TLS greeting with something else. */
function isNotTls(code: string): boolean {
  return ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].includes(code);
}

function isCertificateError(code: string): boolean {
  return /CERT|LEAF_SIGNATURE/.test(code) && Object.hasOwn(PERMANENT, code);
}

/** The other side ended the handshake and said why (RFC 8446, 6.2). */
function isAlert(error: unknown): boolean {
  const code = errorCode(error);
  return /^ERR_SSL_.*ALERT/.test(code) || (code === 'EPROTO' && /alert/.test((error as Error).message));
}

function errorCode(error: unknown): string {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function reasonOf(error: unknown): string {
  if (isAlert(error)) return 'it refused the TLS handshake';
  const code = errorCode(error);
  const known = TRANSIENT[code] ?? PERMANENT[code];
  return known ?? safeText(error instanceof Error ? error.message : String(error), 200);
}

function hintFor(error: unknown, host: string): string | undefined {
  const code = errorCode(error);
  if (isAlert(error))
    return `If it wants a client certificate, put client.cert and client.key into certs.d/${host}.`;
  if (isNotTls(code))
    return `If ${host} is meant to be reached without TLS, allow it with --insecure ${host}.`;
  if (isUnknownAuthority(error)) {
    return `Give the authority's certificate with --ca-file FILE, or put it into certs.d/${host}/ca.crt.`;
  }
  if (isCertificateError(code))
    return `The certificate of ${host} must be put right; check this machine's date, too.`;
  if (code === 'ENOTFOUND') return 'Check the spelling of the host and the name look-up of this machine.';
  if (code === 'ECONNREFUSED') return `Check that a registry runs at ${host} and that the port is right.`;
  if (/TIMEOUT|ETIMEDOUT|UNREACH/.test(code))
    return 'Check the network, the proxy settings and the firewall.';
  return undefined;
}
