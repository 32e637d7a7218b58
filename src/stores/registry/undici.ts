import { createRequire } from 'node:module';
import type * as undici from 'undici';
import dispatchRequest from 'undici/lib/api/api-request.js';
import connect from 'undici/lib/core/connect.js';
import agent from 'undici/lib/dispatcher/agent.js';
import pool from 'undici/lib/dispatcher/pool.js';

/*
 * The parts of undici that are used here, each from its own file: its index loads fetch, WebSocket and caches with them
 * and takes 100 ms for that, a quarter of a small copy. The version of undici is pinned exactly.
 */
export const Agent: typeof undici.Agent = agent as typeof undici.Agent;
export const Pool: typeof undici.Pool = pool as typeof undici.Pool;
export const buildConnector: typeof undici.buildConnector = connect as typeof undici.buildConnector;

/** Needs what the index adds to its parts. */
export function loadProxyAgent(): typeof undici.ProxyAgent {
  return (createRequire(import.meta.url)('undici') as typeof undici).ProxyAgent;
}

type RequestOptions = Omit<undici.Dispatcher.RequestOptions, 'origin' | 'path'>;

const dispatch = dispatchRequest as (
  this: undici.Dispatcher,
  options: undici.Dispatcher.RequestOptions,
) => Promise<undici.Dispatcher.ResponseData>;

/** `undici.request` by way of a given dispatcher. */
export async function request(
  dispatcher: undici.Dispatcher,
  { origin, pathname, search }: URL,
  options: RequestOptions,
): Promise<undici.Dispatcher.ResponseData> {
  return dispatch.call(dispatcher, { ...options, origin, path: `${pathname}${search}` });
}
