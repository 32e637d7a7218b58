import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface TokenServerOptions {
  /** Who gets tokens that may push; without it everybody does. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Refresh tokens taken by POST. */
  readonly identityTokens?: readonly string[];
  /** Seconds; left out of the answer where undefined. */
  readonly lifetime?: number;
  /** The token for these scopes; default one that only this server knows. */
  readonly sign?: (scopes: readonly string[], service: string) => string;
}

export interface TokenServer {
  /** For `WWW-Authenticate`. */
  readonly realm: string;
  /** What was asked for, in order: the method, the scopes, the user if any. */
  readonly requests: readonly {
    readonly method: string;
    readonly scopes: readonly string[];
    readonly user?: string;
  }[];
  /** Whether this server gave out the token for all these scopes, and it is not too old. */
  accepts(token: string, scopes: readonly string[]): boolean;
}

/** A token server as registries name in their challenges (distribution, token specification and OAuth 2). */
export async function startTokenServer(
  test: Pick<TestContext, 'after'>,
  options: TokenServerOptions = {},
): Promise<TokenServer> {
  const requests: { method: string; scopes: readonly string[]; user?: string }[] = [];
  const issued = new Map<string, { scopes: readonly string[]; expiresAt: number }>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const query = new URL(request.url ?? '/', 'http://token.invalid').searchParams;
    const form = new URLSearchParams(await text(request));
    const posted = request.method === 'POST';
    const scopes = posted ? (form.get('scope') ?? '').split(' ') : query.getAll('scope');
    const [user, password] = basic(request.headers.authorization);
    requests.push({ method: request.method ?? '', scopes, ...(user === undefined ? {} : { user }) });
    const allowed = posted
      ? options.identityTokens?.includes(form.get('refresh_token') ?? '') === true
      : options.user === undefined || (user === options.user.name && password === options.user.password);
    if (!allowed) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'who are you?' }] }));
      return;
    }
    const service = (posted ? form.get('service') : query.get('service')) ?? '';
    const token = options.sign?.(scopes, service) ?? `token-${issued.size + 1}`;
    issued.set(token, { scopes, expiresAt: Date.now() + (options.lifetime ?? 60) * 1000 });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        [posted ? 'access_token' : 'token']: token,
        ...(options.lifetime === undefined ? {} : { expires_in: options.lifetime }),
      }),
    );
  };

  await listen(server);
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    requests,
    accepts(token, scopes) {
      const known = issued.get(token);
      if (known === undefined || known.expiresAt <= Date.now()) return false;
      return scopes.every((scope) => known.scopes.includes(scope));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function basic(header: string | undefined): [string?, string?] {
  if (header?.startsWith('Basic ') !== true) return [];
  const decoded = Buffer.from(header.slice('Basic '.length), 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return [decoded.slice(0, colon), decoded.slice(colon + 1)];
}
