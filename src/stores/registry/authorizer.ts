import { NixpushError } from '../../base/errors.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import type { Clock } from './clock.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { challengesOf, type Discovery } from './discovery.ts';
import { formatScopes, type Scope } from './scope.ts';
import type { HttpAnswer, Sender } from './sender.ts';
import { basicAuthorization, credentialSecrets, fetchToken, type AccessToken } from './token.ts';
import { untilAborted } from './until-aborted.ts';
import { checkRealm } from './url-policy.ts';

/** What goes with one request. */
export interface Authorization {
  /** The header's value; undefined for an anonymous request. */
  readonly header: string | undefined;
  /** Where the credentials came from, safe to print. */
  readonly source: string | undefined;
  /** Never to be shown. */
  readonly secrets: readonly string[];
}

export interface AuthorizerOptions {
  /** As in a reference. */
  readonly host: string;
  readonly credentials: CredentialSource | undefined;
  readonly trustedRealms: readonly string[];
  readonly sender: Sender;
  readonly clock: Clock;
  /** Fires when the client is closed. */
  readonly closed: AbortSignal;
}

const ANONYMOUS: Authorization = { header: undefined, source: undefined, secrets: [] };

/** Answers one registry's challenges: finds the credentials, fetches tokens, keeps them until they expire. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #origin: URL;
  #challenges: readonly AuthChallenge[];
  readonly #tokens = new Map<string, Promise<AccessToken>>();
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  /** Scopes the registry named in addition to those asked for, by what was asked for. */
  readonly #widened = new Map<string, readonly string[]>();

  constructor(discovery: Discovery, options: AuthorizerOptions) {
    this.#origin = discovery.origin;
    this.#challenges = discovery.challenges;
    this.#options = options;
  }

  /**
   * The Authorization for a request that needs these scopes. `minimumLifeMs`: a token must live that much longer.
   * Throws what finding credentials and fetching tokens throws.
   */
  async authorize(scopes: readonly Scope[], signal?: AbortSignal, minimumLifeMs = 0): Promise<Authorization> {
    const bearer = this.#bearer();
    if (bearer === undefined && this.#challenge('basic') === undefined) return ANONYMOUS;
    const credential = await untilAborted(this.#credential(scopes), signal);
    const source = credential?.source;
    const secrets = credentialSecrets(credential);
    if (credential?.kind === 'registry-token')
      return { header: `Bearer ${credential.token}`, source, secrets };
    if (bearer === undefined) {
      const header = credential === undefined ? undefined : basicAuthorization(credential);
      return header === undefined ? ANONYMOUS : { header, source, secrets };
    }
    const token = await untilAborted(this.#token(bearer, scopes, credential, minimumLifeMs), signal);
    return { header: `Bearer ${token.value}`, source, secrets: [...secrets, token.value] };
  }

  /** The token for these scopes; undefined where none is asked for, or the credentials are one. Throws like `authorize`. */
  async token(scopes: readonly Scope[], signal?: AbortSignal): Promise<AccessToken | undefined> {
    const bearer = this.#bearer();
    if (bearer === undefined) return undefined;
    const credential = await untilAborted(this.#credential(scopes), signal);
    if (credential?.kind === 'registry-token') return undefined;
    return untilAborted(this.#token(bearer, scopes, credential, 0), signal);
  }

  /**
   * Takes in a 401 that came although `authorize` did its best; true if another try may go better, because the
   * challenge is a new one, names a wider scope, or the token can be fetched anew.
   */
  async reconsider(
    answer: HttpAnswer,
    scopes: readonly Scope[],
    used: Authorization,
  ): Promise<'widened' | 'refreshed' | 'no'> {
    const challenges = challengesOf(answer);
    const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.has('realm'));
    if (used.header === undefined) {
      const known = this.#challenges.length > 0;
      if (!known) this.#challenges = challenges;
      return known ? 'no' : 'refreshed';
    }
    if (!used.header.startsWith('Bearer ') || this.#bearer() === undefined) return 'no';
    const key = scopeKey(scopes);
    const asked = this.#scopes(scopes);
    const wanted = (bearer?.params.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    const missing = wanted.filter((scope) => !asked.includes(scope));
    await this.#forgetToken(scopes, used.header);
    if (bearer?.params.get('error') !== 'insufficient_scope') return 'refreshed';
    if (missing.length === 0) return 'no';
    this.#widened.set(key, [...(this.#widened.get(key) ?? []), ...missing]);
    return 'widened';
  }

  #challenge(scheme: string): AuthChallenge | undefined {
    return this.#challenges.find((challenge) => challenge.scheme === scheme);
  }

  #bearer(): AuthChallenge | undefined {
    const bearer = this.#challenge('bearer');
    return bearer?.params.has('realm') === true ? bearer : undefined;
  }

  /** Scopes after the first are only read from; what may be pushed decides on the credentials. */
  #credential(scopes: readonly Scope[]): Promise<Credential | undefined> {
    const { credentials, host, closed } = this.#options;
    const repository = scopes[0]?.repository;
    const key = repository ?? '';
    let credential = this.#credentials.get(key);
    if (credential === undefined) {
      credential = credentials?.find(host, repository, closed) ?? Promise.resolve(undefined);
      this.#credentials.set(key, credential);
      credential.catch(() => this.#credentials.delete(key));
    }
    return credential;
  }

  #scopes(scopes: readonly Scope[]): string[] {
    return [...formatScopes(scopes), ...(this.#widened.get(scopeKey(scopes)) ?? [])];
  }

  /** One fetch at a time for the same token; all that need it wait for it. */
  async #token(
    bearer: AuthChallenge,
    scopes: readonly Scope[],
    credential: Credential | undefined,
    minimumLifeMs: number,
  ): Promise<AccessToken> {
    const { clock } = this.#options;
    const key = this.#tokenKey(bearer, scopes);
    const cached = this.#tokens.get(key);
    if (cached !== undefined) {
      const token = await cached;
      const now = clock.now();
      if (now < token.renewAt && now + minimumLifeMs < token.expiresAt) return token;
      if (this.#tokens.get(key) !== cached) return this.#token(bearer, scopes, credential, 0);
    }
    const fetching = this.#fetchToken(bearer, scopes, credential);
    this.#tokens.set(key, fetching);
    fetching.catch(() => {
      if (this.#tokens.get(key) === fetching) this.#tokens.delete(key);
    });
    return fetching;
  }

  async #fetchToken(
    bearer: AuthChallenge,
    scopes: readonly Scope[],
    credential: Credential | undefined,
  ): Promise<AccessToken> {
    const { host, trustedRealms, sender, clock, closed } = this.#options;
    const realm = checkRealm(bearer.params.get('realm')!, this.#origin, trustedRealms);
    const repository = scopes[0]?.repository;
    if (credential !== undefined && !realm.sendCredentials) throw foreignRealm(host, realm.url.host);
    const service = bearer.params.get('service');
    const request = { realm: realm.url, service, scopes: this.#scopes(scopes), credential, host, repository };
    return fetchToken({ ...request, signal: closed }, sender, clock);
  }

  #tokenKey(bearer: AuthChallenge, scopes: readonly Scope[]): string {
    const { params } = bearer;
    return JSON.stringify([params.get('realm'), params.get('service'), ...this.#scopes(scopes)]);
  }

  /** Unless another request, that got a 401 as well, has a new one already. */
  async #forgetToken(scopes: readonly Scope[], header: string): Promise<void> {
    const bearer = this.#bearer();
    if (bearer === undefined) return;
    const key = this.#tokenKey(bearer, scopes);
    const cached = this.#tokens.get(key);
    const token = await cached?.catch(() => undefined);
    if (token !== undefined && header === `Bearer ${token.value}` && this.#tokens.get(key) === cached) {
      this.#tokens.delete(key);
    }
  }
}

function scopeKey(scopes: readonly Scope[]): string {
  return formatScopes(scopes).join(' ');
}

function foreignRealm(host: string, realmHost: string): NixpushError {
  const message = `${host} wants its credentials sent to ${realmHost}, which belongs to another domain`;
  return new NixpushError('ERR_UNAUTHORIZED', message, {
    host,
    hint: `If ${realmHost} is its token server, allow it with --trust-token-server ${realmHost}.`,
  });
}
