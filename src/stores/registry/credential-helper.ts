import { spawn } from 'node:child_process';
import { abortError, NixpushError } from '../../base/errors.ts';
import type { Credential, Environment } from './credential.ts';
import { safeText } from './safe-text.ts';

const TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT = 1024 * 1024;
/** What helpers say when they simply have nothing (docker-credential-helpers, `credentials/error.go`). */
const NOTHING_FOUND = /credentials not found|no credentials server URL/i;

/**
 * Asks `docker-credential-NAME get` for a server's credentials; undefined if it has none.
 * No shell is involved, and the name can only be a name. Throws ERR_COMMAND.
 */
export async function runCredentialHelper(
  name: string,
  serverUrl: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<Credential | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    throw new NixpushError(
      'ERR_COMMAND',
      `the credential helper's name ${JSON.stringify(name)} is malformed`,
    );
  }
  const program = `docker-credential-${name}`;
  const { status, stdout } = await run(program, serverUrl, env, signal);
  if (status !== 0) {
    if (NOTHING_FOUND.test(stdout)) return undefined;
    throw failed(program, `it ended with status ${status}: ${safeText(stdout, 200)}`);
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

function run(
  program: string,
  input: string,
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; stdout: string }> {
  // Not spawn's own `timeout`: its timer goes on if the program is not found (Node 20).
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
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

function failed(program: string, why: string): NixpushError {
  return new NixpushError('ERR_COMMAND', `the credential helper ${program} failed: ${why}`, {
    hint: 'The helper is named in credHelpers or credsStore of your registry configuration.',
  });
}
