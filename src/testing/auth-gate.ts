import { randomUUID } from 'node:crypto';
import type { Exchange } from './exchange.ts';
import type { RegistryAuth } from './quirks.ts';

interface HeldToken {
  readonly expires: number;
  readonly scopes: readonly string[];
  uses: number;
}

/** Lets requests in, or challenges them; hands out tokens. */
export class AuthGate {
  readonly #tokens: Map<string, HeldToken> = new Map();

  /** True if the request may go on; else it has been answered. */
  admits(exchange: Exchange, auth: RegistryAuth | undefined, repository: string): boolean {
    if (auth === undefined) return true;
    if (auth.kind === 'basic' ? isBasic(exchange, auth) : this.#isBearer(exchange)) return true;
    exchange.refuse(401, 'UNAUTHORIZED', 'authentication required', {
      'www-authenticate': challengeOf(exchange, auth, repository),
    });
    return false;
  }

  /** Answers a token request (distribution, token specification). */
  issue(exchange: Exchange, auth: RegistryAuth | undefined): void {
    if (auth?.kind !== 'bearer') exchange.refuse(404, 'UNSUPPORTED');
    else if (auth.username !== undefined && !isBasic(exchange, auth)) exchange.refuse(401, 'UNAUTHORIZED');
    else {
      const token = randomUUID();
      const life = auth.lifeSeconds ?? 300;
      this.#tokens.set(token, {
        expires: Date.now() + life * 1000,
        scopes: exchange.url.searchParams.getAll('scope'),
        uses: auth.uses ?? Number.POSITIVE_INFINITY,
      });
      const answer = auth.withoutExpiry === true ? { token } : { token, expires_in: life };
      exchange.answer(200, { 'content-type': 'application/json' }, JSON.stringify(answer));
    }
  }

  #isBearer(exchange: Exchange): boolean {
    const token = this.#tokens.get(/^Bearer (.+)$/.exec(exchange.header('authorization') ?? '')?.[1] ?? '');
    if (token === undefined || Date.now() >= token.expires || token.uses === 0) return false;
    token.uses -= 1;
    return true;
  }
}

function isBasic(exchange: Exchange, auth: { username?: string; password?: string }): boolean {
  const wanted = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return exchange.header('authorization') === `Basic ${wanted}`;
}

function challengeOf(exchange: Exchange, auth: RegistryAuth, repository: string): string {
  if (auth.kind === 'basic') return 'Basic realm="fault registry"';
  const actions = ['GET', 'HEAD'].includes(exchange.request.method ?? '') ? 'pull' : 'pull,push';
  const scope = repository === '' ? '' : `,scope="repository:${repository}:${actions}"`;
  return `Bearer realm="${exchange.url.origin}/token",service="fault registry"${scope}`;
}
