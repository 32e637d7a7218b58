import { NixpushError } from '../../base/errors.ts';

export interface ResolvedLocation {
  readonly url: URL;
  /** True only for the registry's own origin: scheme, host and port. */
  readonly sendCredentials: boolean;
}

/**
 * Where a `Location` (or `Link`) of an answer to `requestUrl` leads. Relative ones are resolved against the request.
 * Registries behind a proxy often name their own host with `http:` or without its port: that is put right.
 * From https nothing ever leads to http. The query is kept byte for byte, as it may be signed.
 * Throws ERR_REGISTRY.
 */
export function resolveLocation(location: string, requestUrl: URL, registryOrigin: URL): ResolvedLocation {
  const fail = (why: string): never => {
    throw new NixpushError('ERR_REGISTRY', `${registryOrigin.host} sent a Location that ${why}`, {
      host: registryOrigin.host,
    });
  };
  if (!URL.canParse(location, requestUrl)) fail('is not a URL');
  const url = new URL(location, requestUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') fail(`uses ${url.protocol} in place of https:`);
  if (url.username !== '' || url.password !== '') fail('holds a user name');
  url.hash = '';
  if (url.hostname === registryOrigin.hostname && registryOrigin.protocol === 'https:') {
    const downgraded = url.protocol === 'http:';
    const lostPort = url.port === '' && registryOrigin.port !== '';
    if (downgraded || lostPort) {
      url.protocol = 'https:';
      url.port = registryOrigin.port;
    }
  } else if (url.hostname === registryOrigin.hostname && url.protocol === 'http:' && url.port === '') {
    url.port = registryOrigin.port;
  }
  if (requestUrl.protocol === 'https:' && url.protocol === 'http:') {
    fail(`leads from https to plain http (${url.host})`);
  }
  return { url, sendCredentials: url.origin === registryOrigin.origin };
}
