import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { startFaultRegistry } from '../../src/testing/index.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PASSWORD = 'love:lace';

interface Scene {
  readonly host: string;
  readonly home: string;
  readonly nixpush: (args: readonly string[], input?: string) => Promise<Run>;
  /** Runs another program as the same user; returns what it printed. */
  readonly other: (program: string, ...args: string[]) => Promise<string>;
}

/** A registry on plain HTTP that wants a password, and a user with an empty home. */
async function scene(t: TestContext): Promise<Scene> {
  const registry = await startFaultRegistry({ auth: { kind: 'basic', username: 'ada', password: PASSWORD } });
  t.after(() => registry.stop());
  const home = temporaryDirectory(t);
  mkdirSync(join(home, 'run'));
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_RUNTIME_DIR: join(home, 'run'),
    // Not set: with it these programs would look nowhere else.
    DOCKER_CONFIG: '',
    REGISTRY_AUTH_FILE: '',
  };
  return {
    host: registry.host,
    home,
    nixpush: (args, input) => nixpush(args, { env, ...(input !== undefined && { input }) }),
    // Not synchronously: the registry is in this process.
    other: (program, ...args) =>
      new Promise((resolve) => {
        const options = { env: { ...process.env, ...env }, timeout: 30_000 };
        execFile(program, args, options, (_error, stdout, stderr) => resolve(stdout + stderr));
      }),
  };
}

/** A file of logins that is there but empty. */
function emptyFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '{}');
}

for (const program of ['skopeo', 'podman', 'buildah']) {
  describe(program, { skip: needs(program).skip ?? false }, () => {
    for (const file of ['.docker/config.json', 'run/containers/auth.json']) {
      test(`uses a login that nixpush put into ${file}`, async (t) => {
        const { host, home, nixpush: run, other } = await scene(t);
        emptyFile(join(home, file));
        const login = await run(['login', host, '--username', 'ada', '--password-stdin'], PASSWORD);
        assert.equal(login.status, 0, login.stderr);
        assert.ok(login.stdout.includes(file), login.stdout);
        assert.equal(await other(program, 'login', '--get-login', host), 'ada\n');
      });
    }

    test('makes a login that nixpush uses and removes', async (t) => {
      const { host, home, nixpush: run, other } = await scene(t);
      const said = await other(program, 'login', '--tls-verify=false', '-u', 'ada', '-p', PASSWORD, host);
      assert.match(said, /Login Succeeded/);
      assert.ok(existsSync(join(home, 'run/containers/auth.json')));
      const { stdout } = await run(['auth', host]);
      assert.match(stdout, /user name and password of ada from \S+run\/containers\/auth\.json/);
      assert.match((await run(['logout', host])).stdout, /^removed the login/);
      assert.match(await other(program, 'login', '--get-login', host), /not logged in/);
    });
  });
}
