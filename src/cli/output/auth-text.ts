import type { AuthCredentials, AuthResult } from '../../verbs/auth.ts';
import { formatTable } from '../format.ts';
import { safeText } from '../safe-text.ts';

const KINDS: Readonly<Record<AuthCredentials['kind'], string>> = {
  basic: 'user name and password',
  'identity-token': 'identity token',
  'registry-token': 'registry token',
};

/** What `auth` prints for people: a line for each place looked at, then what it comes to. */
export function authText(result: AuthResult): string {
  const places = result.places.map(({ place, outcome }) => [place, outcome]);
  const lines = [...formatTable(places, new Set()), conclusion(result)];
  return `${lines.map(safeText).join('\n')}\n`;
}

function conclusion({ host, repository, credentials }: AuthResult): string {
  const what = repository === undefined ? host : `${host}/${repository}`;
  if (credentials === undefined) {
    return `${what}: no credentials, access is anonymous; log in with nixpush login ${host}`;
  }
  const { kind, source, key, username } = credentials;
  const user = username === undefined ? '' : ` of ${username}`;
  return `${what}: ${KINDS[kind]}${user} from ${source}${key === undefined ? '' : `, entry ${key}`}`;
}
