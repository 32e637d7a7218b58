import type { buildConnector as undiciConnector, Dispatcher, Pool as UndiciPool } from 'undici';
import { guardedLookup } from './guarded-lookup.ts';
import { apiHost, isMachineLocal } from './hosts.ts';
import { proxyFor } from './proxy.ts';
import { slabReads } from './slab-reads.ts';
import { isUnknownAuthority, tlsTrust, type TlsTrust } from './tls-trust.ts';

export interface TransportOptions {
  /** The registry, as in a reference. */
  readonly host: string;
  /** Do not verify the registry's certificate; that of others is always verified. */
  readonly insecure: boolean;
  /** Authorities to trust in addition. */
  readonly caFile: string | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Keep-alive connections over HTTP/1.1 (HTTP/2 resets whole connections where HTTP/1.1 loses one request), as many
 * as there are requests at the same time; through the proxies the environment names.
 */
export async function createTransport(options: TransportOptions): Promise<Dispatcher> {
  const { Agent, Pool, buildConnector, loadProxyAgent } = await import('./undici.ts');
  const { hostname } = new URL(`https://${apiHost(options.host)}`);
  // Without the port that the scheme implies.
  const registry = ['https:', 'http:'].map((scheme) => new URL(`${scheme}//${apiHost(options.host)}`).host);
  return new Agent({
    factory(origin, poolOptions: UndiciPool.Options) {
      const url = new URL(origin);
      const isRegistry = registry.includes(url.host);
      const name = isRegistry ? options.host : url.host;
      const trust = url.protocol === 'https:' ? tlsTrust(name, options.caFile) : undefined;
      const connect = {
        timeout: CONNECT_TIMEOUT_MS,
        rejectUnauthorized: !(options.insecure && isRegistry),
        // A public registry could name hosts that lead to this machine.
        ...(url.hostname === hostname || isMachineLocal(hostname) ? {} : { lookup: guardedLookup }),
      };
      const proxy = proxyFor(url, process.env);
      if (proxy === undefined) {
        return new Pool(origin, {
          ...poolOptions,
          connect:
            trust === undefined
              ? plainConnector(buildConnector, connect)
              : connector(buildConnector, connect, trust),
        });
      }
      const requestTls = { ...connect, ...withContext(trust?.full()) };
      const ProxyAgent = loadProxyAgent();
      return new ProxyAgent({ uri: proxy, requestTls, proxyTls: { timeout: CONNECT_TIMEOUT_MS } });
    },
  });
}

function plainConnector(
  build: typeof undiciConnector,
  options: undiciConnector.BuildOptions,
): undiciConnector.connector {
  return (target, callback) => {
    build({ ...options, onread: slabReads() })(target, callback);
  };
}

/** Connects with the authorities that cost nothing, and with all of them where those do not do. */
function connector(
  build: typeof undiciConnector,
  options: undiciConnector.BuildOptions,
  trust: TlsTrust,
): undiciConnector.connector {
  const first = build({ ...options, ...withContext(trust.first) });
  const mayNeedMore = trust.first === undefined;
  let full: undiciConnector.connector | undefined;
  return (target, callback) => {
    const connect = full ?? first;
    connect(target, (...result) => {
      if (!mayNeedMore || connect !== first || !isUnknownAuthority(result[0])) {
        callback(...result);
        return;
      }
      try {
        full ??= build({ ...options, ...withContext(trust.full()) });
      } catch (error) {
        callback(error as Error, null);
        return;
      }
      full(target, callback);
    });
  };
}

function withContext(secureContext: TlsTrust['first']): { secureContext?: NonNullable<TlsTrust['first']> } {
  return secureContext === undefined ? {} : { secureContext };
}
