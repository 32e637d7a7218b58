import { BlockList, isIP } from 'node:net';
import type { Environment } from './credential.ts';

/**
 * The proxy for a URL as curl and Go choose it: `https_proxy` or `http_proxy` by the URL's scheme, `all_proxy` for both,
 * unless `no_proxy` names the host; each in small or capital letters. `HTTP_PROXY` in capitals is read too.
 */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const get = (name: string): string | undefined => env[name] || env[name.toUpperCase()] || undefined;
  const proxy = get(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? get('all_proxy');
  if (proxy === undefined || isExempt(url, get('no_proxy') ?? '')) return undefined;
  return /^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** Loopback is never reached through a proxy, as in Go. */
function isExempt(url: URL, noProxy: string): boolean {
  const hostname = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (
    hostname === 'localhost' ||
    hostname === '::1' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  ) {
    return true;
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((rule) => rule !== '' && matches(rule, hostname, port));
}

/** `*`, `example.org` and `.example.org` with all below, addresses, networks `10.0.0.0/8`; each may end in a port. */
function matches(rule: string, hostname: string, port: string): boolean {
  if (rule === '*') return true;
  if (rule.includes('/')) return inNetwork(rule, hostname);
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(rule);
  if (withPort !== null && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? rule).replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return hostname === name || (isIP(hostname) === 0 && hostname.endsWith(`.${name}`));
}

function inNetwork(rule: string, hostname: string): boolean {
  const [network = '', prefix = ''] = rule.split('/');
  const family = isIP(network);
  const bits = Number(prefix);
  const valid = family !== 0 && /^\d+$/.test(prefix) && bits <= (family === 4 ? 32 : 128);
  if (!valid || isIP(hostname) !== family) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, bits, type);
  return list.check(hostname, type);
}
