import { NixpushError } from '../../base/errors.ts';
import type { AuthChallenge } from '../../stores/registry/auth-challenge.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import type { Scope } from '../../stores/registry/scope.ts';
import type { AuthCredentials } from '../auth.ts';
import { reasonOf } from './ask.ts';
import { no, yes, type Finding } from './finding.ts';

/** How the registry is reached, how it wants credentials, and whether it takes those that there are. */
export async function probeAccess(
  client: RegistryClient,
  credentials: AuthCredentials | undefined,
  scopes: readonly Scope[],
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const { origin, challenges } = await client.discovery(signal);
  return [
    yes('reached', origin.href),
    authentication(challenges),
    credentials === undefined ? no('credentials', 'none found') : yes('credentials', describe(credentials)),
    ...(challenges.length === 0 ? [] : [await probeLogin(client, scopes, signal)]),
  ];
}

function authentication(challenges: readonly AuthChallenge[]): Finding {
  const check = 'asks for credentials';
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const realm = bearer?.params.get('realm') ?? '';
  if (bearer !== undefined) {
    return yes(check, `tokens${URL.canParse(realm) ? ` of ${new URL(realm).host}` : ''}`);
  }
  return challenges.length === 0 ? no(check, 'anybody may reach it') : yes(check, 'user name and password');
}

function describe({ kind, source, key, username }: AuthCredentials): string {
  const user = username === undefined ? '' : ` of ${username}`;
  return `${kind}${user} from ${source}${key === undefined ? '' : `, entry ${key}`}`;
}

/** A token that is given out says how long it lives; without tokens the registry itself says who may come in. */
async function probeLogin(
  client: RegistryClient,
  scopes: readonly Scope[],
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const check = 'lets in';
  try {
    const lifetime = await client.tokenLifetime(scopes, signal);
    if (lifetime !== undefined) return yes(check, `tokens live ${Math.round(lifetime / 1000)} s`);
    const { body } = await client.request({
      method: 'GET',
      path: '/v2/',
      scopes,
      what: 'logging in',
      expect: [200],
      retry: 'idempotent',
      ...(signal !== undefined && { signal }),
    });
    await body.dump();
    return yes(check);
  } catch (error) {
    const refused = error instanceof NixpushError && ['ERR_UNAUTHORIZED', 'ERR_DENIED'].includes(error.code);
    if (!refused) throw error;
    return no(check, reasonOf(error, signal));
  }
}
