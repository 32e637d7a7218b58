import { abortError, NixpushError } from '../../base/errors.ts';
import type { Credential, Environment } from './credential.ts';
import { safeText } from './safe-text.ts';

const TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT = 1024 * 1024;
/** What helpers say when they simply have nothing (docker-credential-helpers, `credentials/error.go`). */
const NOTHING_FOUND = /credentials not found|no credentials server URL/i;

/** Asks `docker-credential-NAME get` for a server's credentials; undefined if it has none. */
export async function getFromHelper(
  name: string,
  serverUrl: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<Credential | undefined> {
  const program = programOf(name);
  const { status, stdout } = await run(program, 'get', serverUrl, env, signal);
  if (status !== 0) {
    if (NOTHING_FOUND.test(stdout)) return undefined;
    throw endedWith(program, status, stdout);
  }
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(stdout) as typeof answer;
  } catch {
    throw failed(program, 'its answer is not JSON');
  }
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(program, 'its answer is incomplete');
  if (secret === '') return undefined;
  // Helpers mark identity tokens by this user name (docker/cli, credentials/native_store.go).
  return username === '<token>'
    ? { kind: 'identity-token', token: secret, username: '', source: program }
    : { kind: 'basic', username, password: secret, source: program };
}

/** Hands a user and a password to `docker-credential-NAME store`. Returns the program's name. */
export async function storeInHelper(
  name: string,
  serverUrl: string,
  { username, password }: { readonly username: string; readonly password: string },
  env: Environment,
  signal?: AbortSignal,
): Promise<string> {
  const program = programOf(name);
  const input = JSON.stringify({ ServerURL: serverUrl, Username: username, Secret: password });
  const { status, stdout } = await run(program, 'store', input, env, signal);
  if (status !== 0) throw endedWith(program, status, stdout, [password]);
  return program;
}

/** Has `docker-credential-NAME erase` forget a server. Returns the program's name, undefined if it knew nothing. */
export async function eraseFromHelper(
  name: string,
  serverUrl: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<string | undefined> {
  // `erase` of what is not there succeeds with some helpers and fails with others.
  if ((await getFromHelper(name, serverUrl, env, signal)) === undefined) return undefined;
  const program = programOf(name);
  const { status, stdout } = await run(program, 'erase', serverUrl, env, signal);
  if (status !== 0) throw endedWith(program, status, stdout);
  return program;
}

function programOf(name: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(name)) return `docker-credential-${name}`;
  throw new NixpushError('ERR_COMMAND', `the credential helper's name ${JSON.stringify(name)} is malformed`);
}

/** No shell is involved. What the program is told goes by standard input, where no process list shows it. */
async function run(
  program: string,
  action: 'get' | 'store' | 'erase',
  input: string,
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; stdout: string }> {
  // Loaded late: few pushes ask a helper.
  const { spawn } = await import('node:child_process');
  // Not spawn's own `timeout`: its timer goes on if the program is not found (Node 20).
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      stdout += text;
      if (stdout.length > OUTPUT_LIMIT) child.kill('SIGKILL');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted === true) reject(abortError(signal));
      else if (timeout.aborted) reject(failed(program, `no answer within ${TIMEOUT_MS / 1000} s`));
      else if (error.code === 'ENOENT') reject(failed(program, 'it is not on the PATH'));
      else reject(failed(program, error.message));
    });
    child.on('close', (status, killedBy) => {
      if (killedBy === null) resolve({ status, stdout });
      else reject(failed(program, `it was ended by ${killedBy}`));
    });
    // A helper may end without reading what it is asked.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function endedWith(
  program: string,
  status: number | null,
  stdout: string,
  secrets: readonly string[] = [],
): NixpushError {
  return failed(program, `it ended with status ${status}: ${safeText(stdout, 200, secrets)}`);
}

function failed(program: string, why: string): NixpushError {
  return new NixpushError('ERR_COMMAND', `the credential helper ${program} failed: ${why}`, {
    hint: 'The helper is named in credHelpers or credsStore of your registry configuration.',
  });
}
