import { NixpushError } from '../../base/errors.ts';
import { parseChallenges, type AuthChallenge } from './auth-challenge.ts';
import { apiHost, isLoopback } from './hosts.ts';
import { spokeTls } from './network-error.ts';
import type { HttpAnswer, Sender } from './sender.ts';

/** What the first contact with a registry shows. */
export interface Discovery {
  /** Scheme, host and port of the API. */
  readonly origin: URL;
  /** How it wants to be shown credentials; empty if it asked for none. */
  readonly challenges: readonly AuthChallenge[];
  /** What calls itself the server, such as `Nexus/3.68.0 (OSS)`; a claim, good for a hint. */
  readonly software: string;
}

/**
 * `GET /v2/` (distribution-spec, end-1): some registries send their challenge only here. https first; plain HTTP
 * for loopback hosts and insecure ones, and only if they do not speak TLS.
 */
export async function discover(
  host: string,
  insecure: boolean,
  sender: Sender,
  signal: AbortSignal,
): Promise<Discovery> {
  const secure = new URL(`https://${apiHost(host)}`);
  if (!insecure && !isLoopback(secure.hostname)) return ping(secure, 'idempotent', sender, signal);
  try {
    return await ping(secure, 'never', sender, signal);
  } catch (error) {
    const failedToConnect = error instanceof NixpushError && error.code === 'ERR_NETWORK';
    if (!failedToConnect) throw error;
    if (spokeTls(error.cause)) return ping(secure, 'idempotent', sender, signal);
  }
  return ping(new URL(`http://${apiHost(host)}`), 'idempotent', sender, signal);
}

/** A status other than 401 says nothing about credentials; the real requests will show what works. */
async function ping(
  origin: URL,
  retry: 'idempotent' | 'never',
  sender: Sender,
  signal: AbortSignal,
): Promise<Discovery> {
  const answer = await sender.send({
    method: 'GET',
    url: new URL('/v2/', origin),
    headers: {},
    retry,
    signal,
    what: 'reaching the registry',
  });
  await answer.body.dump();
  return { origin, challenges: challengesOf(answer), software: answer.headers['server'] ?? '' };
}

/** A Discovery as JSON can hold it. */
export interface SavedDiscovery {
  readonly origin: string;
  readonly challenges: readonly (readonly [scheme: string, params: readonly (readonly [string, string])[]])[];
  readonly software: string;
}

export function saveDiscovery({ origin, challenges, software }: Discovery): SavedDiscovery {
  const saved = challenges.map(({ scheme, params }) => [scheme, [...params]] as const);
  return { origin: origin.href, challenges: saved, software };
}

/** Throws for what was not made by `saveDiscovery`. */
export function readDiscovery({ origin, challenges, software }: SavedDiscovery): Discovery {
  const read = challenges.map(([scheme, params]) => ({ scheme, params: new Map(params) }));
  return { origin: new URL(origin), challenges: read, software };
}

/** The challenges of a 401; a 401 without any is taken as a wish for a password. */
export function challengesOf(answer: Pick<HttpAnswer, 'status' | 'headers'>): AuthChallenge[] {
  if (answer.status !== 401) return [];
  const challenges = parseChallenges(answer.headers['www-authenticate'] ?? '');
  return challenges.length > 0 ? challenges : [{ scheme: 'basic', params: new Map() }];
}
