import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { startFaultRegistry, type FaultRegistry, type RegistryAuth } from '../../src/testing/index.ts';
import { examplePush } from '../support/example.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PASSWORD = 'hunter2-hunter2';
const BASIC: RegistryAuth = { kind: 'basic', username: 'ada', password: PASSWORD };
const BEARER: RegistryAuth = { kind: 'bearer', username: 'ada', password: PASSWORD };

interface Scene {
  readonly registry: FaultRegistry;
  /** Docker's config.json of the user. */
  readonly config: string;
  /** Runs nixpush as that user. */
  run: (args: readonly string[], input?: string) => Promise<Run>;
}

async function scene(t: TestContext, auth?: RegistryAuth): Promise<Scene> {
  const registry = await startFaultRegistry(auth === undefined ? {} : { auth });
  t.after(() => registry.stop());
  const home = temporaryDirectory(t);
  const env = { HOME: home, DOCKER_CONFIG: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
  return {
    registry,
    config: join(home, 'config.json'),
    run: (args, input) => nixpush(args, { env, ...(input !== undefined && { input }) }),
  };
}

function login({ registry }: Scene): string[] {
  return ['login', registry.host, '--username', 'ada', '--password-stdin'];
}

describe('login', () => {
  for (const auth of [BASIC, BEARER]) {
    test(`checks a password (${auth.kind}), and pushes use it then`, async (t) => {
      const stage = await scene(t, auth);
      const { registry, config } = stage;
      const run = await stage.run(login(stage), `${PASSWORD}\n`);
      assert.deepEqual(run, {
        status: 0,
        stdout: `logged in to ${registry.host}; kept in ${config}\n`,
        stderr: '',
      });
      const pushed = await stage.run([...examplePush, '--to', `${registry.host}/x/demo`, '--quiet']);
      assert.equal(pushed.status, 0, pushed.stderr);
    });

    test(`keeps nothing if the password (${auth.kind}) is refused`, async (t) => {
      const stage = await scene(t, auth);
      const run = await stage.run(login(stage), 'wrong');
      assert.equal(run.status, 3);
      assert.match(run.stderr, /does not accept this user name and password\n.*\n {2}hint: .*access token/);
      assert.equal(existsSync(stage.config), false);
    });
  }

  test('warns where nobody is asked for a password', async (t) => {
    const stage = await scene(t);
    const run = await stage.run([...login(stage), '--json'], PASSWORD);
    assert.deepEqual(JSON.parse(run.stdout), {
      host: stage.registry.host,
      keptIn: stage.config,
      verified: false,
    });
    assert.match(run.stderr, /^warning: .* could not be checked\n$/);
  });

  test('refuses what is no password before it asks the registry', async (t) => {
    const stage = await scene(t, BASIC);
    for (const input of ['', '\n', 'two\nlines\n']) {
      assert.equal((await stage.run(login(stage), input)).status, 2);
    }
    assert.equal(
      (await stage.run(['login', 'ghcr.io/me/x', '--username', 'a', '--password-stdin'], 'p')).status,
      2,
    );
    assert.deepEqual(stage.registry.requests, []);
  });

  test('without a terminal says how to give a password', async (t) => {
    const stage = await scene(t, BASIC);
    const run = await stage.run(['login', stage.registry.host]);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /hint: .*--username USER --password-stdin/);
  });

  test('asks on a terminal, which does not show the password', needs('python3'), async (t) => {
    const stage = await scene(t, BASIC);
    const transcript = await onTerminal(t, ['login', stage.registry.host], ['ada', PASSWORD]);
    assert.match(transcript, /user name for 127\S+: ada\r+\npassword or token: \r\nlogged in to 127/);
    assert.doesNotMatch(transcript, new RegExp(PASSWORD));
  });
});

describe('logout', () => {
  test('forgets a login, and says when there was none', async (t) => {
    const stage = await scene(t, BASIC);
    const { host } = stage.registry;
    await stage.run(login(stage), PASSWORD);
    const first = await stage.run(['logout', host]);
    assert.deepEqual(first, {
      status: 0,
      stdout: `removed the login for ${host} from ${stage.config}\n`,
      stderr: '',
    });
    assert.deepEqual(JSON.parse(readFileSync(stage.config, 'utf8')), { auths: {} });
    assert.equal((await stage.run(['logout', host])).stdout, `there was no login for ${host}\n`);
  });
});

describe('auth', () => {
  test('names each place in order, the entry that counts, and no secret', async (t) => {
    const stage = await scene(t, BASIC);
    const auth = Buffer.from(`ada:${PASSWORD}`).toString('base64');
    writeFileSync(stage.config, JSON.stringify({ auths: { 'r.example/team': { auth } } }));
    const { stdout, status } = await stage.run(['auth', 'r.example/team/app']);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0]!, /^the environment \(NIXPUSH_\*\) +nothing for it$/);
    assert.match(lines.at(-2)!, /config\.json +used$/);
    assert.equal(
      lines.at(-1),
      `r.example/team/app: user name and password of ada from ${stage.config}, entry r.example/team`,
    );
    assert.doesNotMatch(stdout, new RegExp(`${PASSWORD}|${auth}`));
  });

  test('says that access is anonymous where nothing is found', async (t) => {
    const stage = await scene(t);
    const { stdout } = await stage.run(['auth', 'docker.io']);
    assert.match(
      stdout,
      /\ndocker\.io: no credentials, access is anonymous; log in with nixpush login docker\.io\n$/,
    );
    const { places, ...rest } = JSON.parse((await stage.run(['auth', 'docker.io', '--json'])).stdout) as {
      places: { outcome: string }[];
    };
    assert.deepEqual(rest, { host: 'docker.io' });
    assert.equal(places[1]?.outcome, 'does not exist');
  });
});

describe('--username with --password-stdin', () => {
  test('is for the registry of the command', async (t) => {
    const { registry, run } = await scene(t, BASIC);
    const login = ['--username', 'ada', '--password-stdin'];
    const pushed = await run([...examplePush, '--to', `${registry.host}/x/demo`, ...login], PASSWORD);
    assert.equal(pushed.status, 0, pushed.stderr);
    const inspected = await run(['inspect', `${registry.host}/x/demo`, ...login], `${PASSWORD}\n`);
    assert.equal(inspected.status, 0, inspected.stderr);
  });

  test('is refused for two registries, and for none', async (t) => {
    const { registry, run } = await scene(t, BASIC);
    const login = ['--username', 'ada', '--password-stdin'];
    const two = [`--to=${registry.host}/x`, '--to=other.example/x'];
    const many = await run([...examplePush, ...two, ...login], PASSWORD);
    assert.equal(many.status, 2);
    assert.match(many.stderr, /is for one registry, but the command names .* and other\.example\n/);
    const none = await run(['inspect', 'oci:image', ...login], PASSWORD);
    assert.match(none.stderr, /names none/);
    assert.deepEqual(registry.requests, []);
  });
});

/** Runs nixpush on a terminal of its own and types a line at each prompt; returns what the terminal showed. */
async function onTerminal(t: TestContext, args: string[], lines: string[]): Promise<string> {
  const home = temporaryDirectory(t);
  const cli = join(import.meta.dirname, '../support/nixpush-cli.js');
  const script = `
import json, os, pty, sys
argv, lines = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
shown, asked = b"", 0
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if asked < len(lines) and shown.count(b": ") > asked:
        os.write(terminal, lines[asked].encode() + b"\\r")
        asked += 1
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
`;
  const child = spawn(
    'python3',
    ['-c', script, JSON.stringify([process.execPath, cli, ...args]), JSON.stringify(lines)],
    {
      env: {
        ...process.env,
        HOME: home,
        DOCKER_CONFIG: home,
        XDG_CONFIG_HOME: home,
        XDG_RUNTIME_DIR: home,
        TERM: 'dumb',
      },
    },
  );
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
