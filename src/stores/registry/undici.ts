import { createRequire } from 'node:module';
import type * as undici from 'undici';

const require = createRequire(import.meta.url);

/**
 * The parts of undici that are used here, each from its own file: its index loads fetch, WebSocket and caches with them
 * and takes 100 ms for that, a quarter of a small copy. The version of undici is pinned exactly.
 */
const part = (file: string): unknown => require(`undici/lib/${file}.js`);

export const Agent: typeof undici.Agent = part('dispatcher/agent') as typeof undici.Agent;
export const Pool: typeof undici.Pool = part('dispatcher/pool') as typeof undici.Pool;
export const buildConnector: typeof undici.buildConnector = part(
  'core/connect',
) as typeof undici.buildConnector;

/** Needs what the index adds to its parts. */
export function loadProxyAgent(): typeof undici.ProxyAgent {
  return (require('undici') as typeof undici).ProxyAgent;
}

type RequestOptions = Omit<undici.Dispatcher.RequestOptions, 'origin' | 'path'>;

const dispatchRequest = part('api/api-request') as (
  this: undici.Dispatcher,
  options: undici.Dispatcher.RequestOptions,
) => Promise<undici.Dispatcher.ResponseData>;

/** `undici.request` by way of a given dispatcher. */
export async function request(
  dispatcher: undici.Dispatcher,
  { origin, pathname, search }: URL,
  options: RequestOptions,
): Promise<undici.Dispatcher.ResponseData> {
  return dispatchRequest.call(dispatcher, { ...options, origin, path: `${pathname}${search}` });
}
