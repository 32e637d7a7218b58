import type { Dispatcher, Pool } from 'undici';
import { apiHost } from './hosts.ts';
import { proxyFor } from './proxy.ts';
import { tlsOptions } from './tls-trust.ts';

export interface TransportOptions {
  /** The registry, as in a reference. */
  readonly host: string;
  /** Do not verify the registry's certificate; that of others is always verified. */
  readonly insecure: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Keep-alive connections over HTTP/1.1 (HTTP/2 resets whole connections where HTTP/1.1 loses one request), as many
 * as there are requests at the same time; through the proxies the environment names.
 */
export async function createTransport({ host, insecure }: TransportOptions): Promise<Dispatcher> {
  const undici = await import('undici');
  const registry = new URL(`https://${apiHost(host)}`).host;
  return new undici.Agent({
    factory(origin, options: Pool.Options) {
      const url = new URL(origin);
      const tls = url.protocol === 'https:' ? tlsOptions(url.host) : {};
      const connect = {
        ...tls,
        timeout: CONNECT_TIMEOUT_MS,
        rejectUnauthorized: !(insecure && url.host === registry),
      };
      const proxy = proxyFor(url, process.env);
      return proxy === undefined
        ? new undici.Pool(origin, { ...options, connect })
        : new undici.ProxyAgent({
            uri: proxy,
            requestTls: connect,
            proxyTls: { timeout: CONNECT_TIMEOUT_MS },
          });
    },
  });
}
