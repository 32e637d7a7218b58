import type { Exchange, RecordedRequest } from './exchange.ts';

/** How many manifests may be read in a window. */
export interface PullBudget {
  readonly limit: number;
  /** As announced; nothing ever comes back. */
  readonly windowSeconds: number;
}

/**
 * Docker Hub's way to limit pulls: each GET of a manifest counts, no HEAD does, and both are told what is left. False if
 * the request was refused.
 */
export function spendPull(
  exchange: Exchange,
  requests: readonly RecordedRequest[],
  { limit, windowSeconds }: PullBudget,
): boolean {
  const pulls = requests.filter(({ operation }) => operation === 'manifest-get').length;
  exchange.response.setHeader('ratelimit-limit', `${limit};w=${windowSeconds}`);
  exchange.response.setHeader('ratelimit-remaining', `${Math.max(0, limit - pulls)};w=${windowSeconds}`);
  if (exchange.record.operation !== 'manifest-get' || pulls <= limit) return true;
  exchange.refuse(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.');
  return false;
}
