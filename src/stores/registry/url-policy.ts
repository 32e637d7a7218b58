import { NixpushError } from '../../base/errors.ts';
import { isInternal, isLoopback, isMachineLocal, registrableDomain } from './hosts.ts';

export interface ResolvedLocation {
  readonly url: URL;
  /** True only for the registry's own origin: scheme, host and port. */
  readonly sendCredentials: boolean;
}

/**
 * Where the `Location` of an upload or the `Link` of a list leads. Relative ones are resolved against the request.
 * Registries behind a proxy often name their own host with `http:`, a port of the inside or none: that is put right.
 * From https nothing ever leads to http. The query is kept byte for byte, as it may be signed.
 * Throws ERR_REGISTRY.
 */
export function resolveLocation(location: string, requestUrl: URL, registryOrigin: URL): ResolvedLocation {
  const url = parseLocation(location, requestUrl, registryOrigin);
  if (url.hostname === registryOrigin.hostname) {
    if (registryOrigin.protocol === 'https:') {
      url.protocol = 'https:';
      url.port = registryOrigin.port;
    } else if (url.protocol === 'http:' && url.port === '') {
      url.port = registryOrigin.port;
    }
  }
  return checked(url, requestUrl, registryOrigin);
}

/** Where a redirect leads. Like `resolveLocation`, but another port of the same host is taken at its word. */
export function resolveRedirect(location: string, requestUrl: URL, registryOrigin: URL): ResolvedLocation {
  const url = parseLocation(location, requestUrl, registryOrigin);
  const ownHostDowngraded =
    url.hostname === registryOrigin.hostname && url.protocol === 'http:' && url.port === '';
  if (ownHostDowngraded && registryOrigin.protocol === 'https:') {
    url.protocol = 'https:';
    url.port = registryOrigin.port;
  }
  return checked(url, requestUrl, registryOrigin);
}

function parseLocation(location: string, requestUrl: URL, registryOrigin: URL): URL {
  if (!URL.canParse(location, requestUrl.href)) throw refused(registryOrigin, 'is not a URL');
  const url = new URL(location, requestUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused(registryOrigin, `uses ${url.protocol} in place of https:`);
  }
  if (url.username !== '' || url.password !== '') throw refused(registryOrigin, 'holds a user name');
  url.hash = '';
  return url;
}

function checked(url: URL, requestUrl: URL, registryOrigin: URL): ResolvedLocation {
  if (requestUrl.protocol === 'https:' && url.protocol === 'http:') {
    throw refused(registryOrigin, `leads from https to plain http (${url.host})`);
  }
  if (isMachineLocal(url.hostname) && !isMachineLocal(registryOrigin.hostname)) {
    throw refused(registryOrigin, `leads to this machine itself (${url.host})`);
  }
  return { url, sendCredentials: url.origin === registryOrigin.origin };
}

function refused(registryOrigin: URL, why: string): NixpushError {
  return new NixpushError('ERR_REGISTRY', `${registryOrigin.host} sent a Location that ${why}`, {
    host: registryOrigin.host,
  });
}

/** Token servers that live under another domain than the registry they serve. */
const KNOWN_REALMS: Readonly<Record<string, string>> = { 'registry-1.docker.io': 'auth.docker.io' };

export interface CheckedRealm {
  readonly url: URL;
  /** False for a token server of somebody else: it may give anonymous tokens, but gets no password. */
  readonly sendCredentials: boolean;
}

/**
 * The token server that a challenge names. The registry alone decides on this address, so it is not believed blindly:
 * https (plain HTTP only if the registry is spoken to so), no user name, not into a private network from a public
 * registry. `trusted` are further hosts that may see the credentials. Throws ERR_REGISTRY.
 */
export function checkRealm(
  realm: string,
  registryOrigin: URL,
  trusted: readonly string[] = [],
): CheckedRealm {
  const refuse = (why: string): NixpushError =>
    new NixpushError('ERR_REGISTRY', `${registryOrigin.host} names a token server that ${why}`, {
      host: registryOrigin.host,
    });
  if (!URL.canParse(realm)) throw refuse('is not a URL');
  const url = new URL(realm);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registryOrigin.protocol === 'http:')) {
    throw refuse('is not reached over https');
  }
  if (url.username !== '' || url.password !== '') throw refuse('holds a user name');
  if (isInternal(url.hostname) && !isInternal(registryOrigin.hostname)) {
    throw refuse(`is in a private network (${url.host})`);
  }
  url.hash = '';
  const sendCredentials =
    registrableDomain(url.hostname) === registrableDomain(registryOrigin.hostname) ||
    (isLoopback(url.hostname) && isLoopback(registryOrigin.hostname)) ||
    KNOWN_REALMS[registryOrigin.hostname] === url.hostname ||
    trusted.includes(url.host);
  return { url, sendCredentials };
}
