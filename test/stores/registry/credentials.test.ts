import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Credential } from '../../../src/stores/registry/credential.ts';
import {
  credentialFiles,
  defaultCredentials,
  fixedCredentials,
} from '../../../src/stores/registry/credentials.ts';
import { authFileCredentials } from '../../../src/stores/registry/auth-file.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const auth = (user: string, password: string): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});

function write(path: string, content: unknown): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The user, or the kind of a token, that is found. */
function who(credential: Credential | undefined): string | undefined {
  return credential?.kind === 'basic' ? credential.username : credential?.kind;
}

async function find(
  t: TestContext,
  file: unknown,
  host: string,
  repository?: string,
): Promise<Credential | undefined> {
  const path = write(join(temporaryDirectory(t), 'auth.json'), file);
  return authFileCredentials(path, {}).find(host, repository);
}

describe('in an auth file', () => {
  const auths = (...keys: string[]): object => ({
    auths: Object.fromEntries(keys.map((key) => [key, { username: `user of ${key}`, password: 'p' }])),
  });
  const table: [string, object, string, string | undefined, string | undefined][] = [
    ['the host is found', auths('ghcr.io'), 'ghcr.io', 'x/y', 'user of ghcr.io'],
    ['the port belongs to the host', auths('r.example'), 'r.example:5000', 'x', undefined],
    ['a host that only begins alike is not taken', auths('r.example'), 'r.example.evil.test', 'x', undefined],
    ['a host that only ends alike is not taken', auths('r.example'), 'evilr.example', 'x', undefined],
    [
      'the most specific namespace wins',
      auths('q.io', 'q.io/a', 'q.io/a/b'),
      'q.io',
      'a/b',
      'user of q.io/a/b',
    ],
    ['a namespace serves what is below', auths('q.io', 'q.io/a'), 'q.io', 'a/b/c', 'user of q.io/a'],
    ['a namespace is whole components', auths('q.io', 'q.io/a'), 'q.io', 'ab/c', 'user of q.io'],
    ['a namespace does not serve the host', auths('q.io/a'), 'q.io', undefined, undefined],
    [
      'Docker Hub has its old key',
      auths('https://index.docker.io/v1/'),
      'docker.io',
      'x/y',
      'user of https://index.docker.io/v1/',
    ],
    [
      'Docker Hub may be called by its API',
      auths('registry-1.docker.io'),
      'docker.io',
      'x/y',
      'user of registry-1.docker.io',
    ],
    ['Docker Hub may be called docker.io', auths('docker.io'), 'docker.io', 'x/y', 'user of docker.io'],
    ['old keys are URLs', auths('https://r.example/v2/'), 'r.example', 'x', 'user of https://r.example/v2/'],
    [
      'an exact key wins over a URL',
      auths('https://r.example', 'r.example'),
      'r.example',
      'x',
      'user of r.example',
    ],
    ['an empty entry is nothing', { auths: { 'r.example': {} } }, 'r.example', 'x', undefined],
    ['a file without logins is nothing', { currentContext: 'x' }, 'r.example', 'x', undefined],
    [
      'a file that holds something else is nothing',
      { auths: [1, null], credHelpers: 7 },
      'r.example',
      'x',
      undefined,
    ],
    [
      'an identity token is one',
      { auths: { 'r.example': { ...auth('u', ''), identitytoken: 't' } } },
      'r.example',
      'x',
      'identity-token',
    ],
    [
      'a registry token is one',
      { auths: { 'r.example': { registrytoken: 't' } } },
      'r.example',
      'x',
      'registry-token',
    ],
    [
      'a user in plain text is one',
      { auths: { 'r.example': { username: 'u', password: 'p' } } },
      'r.example',
      'x',
      'u',
    ],
  ];
  for (const [name, file, host, repository, user] of table) {
    test(name, async (t) => assert.equal(who(await find(t, file, host, repository)), user));
  }

  test('a password may hold colons, and NULs at its end are padding', async (t) => {
    const found = await find(t, { auths: { h: auth('u', 'a:b\0\0') } }, 'h');
    assert.deepEqual(found?.kind === 'basic' && [found.username, found.password], ['u', 'a:b']);
  });

  test('broken JSON is an error that does not repeat the file', async (t) => {
    await assert.rejects(find(t, '{"auths": {"h": hunter2', 'h'), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_FORMAT');
      assert.match(error.message, /auth\.json is not valid JSON$/);
      return true;
    });
  });

  test('an auth that is not base64 of USER:PASSWORD is an error', async (t) => {
    await assert.rejects(find(t, { auths: { h: { auth: 'aGk=' } } }, 'h'), { code: 'ERR_FORMAT' });
  });
});

describe('a credential helper', () => {
  /** A directory for the PATH with a helper that runs `script`. */
  const helper = (t: TestContext, script: string): { env: Record<string, string>; directory: string } => {
    const directory = temporaryDirectory(t);
    const path = write(join(directory, 'docker-credential-fake'), `#!/bin/sh\ncd ${directory}\n${script}\n`);
    chmodSync(path, 0o755);
    return { env: { PATH: `${directory}:${process.env['PATH']}` }, directory };
  };
  const ask = (
    t: TestContext,
    config: unknown,
    env: Record<string, string>,
    host: string,
  ): Promise<Credential | undefined> =>
    authFileCredentials(write(join(temporaryDirectory(t), 'config.json'), config), env).find(host, 'x/y');
  const ANSWER = `echo '{"ServerURL":"s","Username":"helped","Secret":"s3cret"}'`;

  test('for the host is asked with its name on standard input', async (t) => {
    const { env, directory } = helper(t, `printf %s "$1 " > asked; cat >> asked; ${ANSWER}`);
    assert.equal(who(await ask(t, { credHelpers: { 'r.example': 'fake' } }, env, 'r.example')), 'helped');
    assert.equal(readFileSync(join(directory, 'asked'), 'utf8'), 'get r.example');
  });

  test('for everything is asked for Docker Hub by its old name', async (t) => {
    const { env, directory } = helper(t, `cat > asked; ${ANSWER}`);
    assert.equal(who(await ask(t, { credsStore: 'fake' }, env, 'docker.io')), 'helped');
    assert.equal(readFileSync(join(directory, 'asked'), 'utf8'), 'https://index.docker.io/v1/');
  });

  test('that knows nothing leaves it to the file', async (t) => {
    const { env } = helper(t, 'echo credentials not found in native keychain; exit 1');
    const config = { credsStore: 'fake', auths: { 'r.example': auth('filed', 'p') } };
    assert.equal(who(await ask(t, config, env, 'r.example')), 'filed');
  });

  test('says with the user <token> that it is an identity token', async (t) => {
    const { env } = helper(t, `echo '{"Username":"<token>","Secret":"s3cret"}'`);
    assert.equal(who(await ask(t, { credsStore: 'fake' }, env, 'r.example')), 'identity-token');
  });

  test('that fails is an error with what it said', async (t) => {
    const { env } = helper(t, 'echo the keychain is locked; exit 1');
    await assert.rejects(ask(t, { credsStore: 'fake' }, env, 'r.example'), {
      code: 'ERR_COMMAND',
      message:
        'the credential helper docker-credential-fake failed: it ended with status 1: the keychain is locked',
    });
  });

  test('that answers nonsense is an error that does not repeat it', async (t) => {
    const { env } = helper(t, 'echo hunter2');
    await assert.rejects(ask(t, { credsStore: 'fake' }, env, 'r.example'), {
      message: /failed: its answer is not JSON$/,
    });
  });

  test('that is not installed is an error', async (t) => {
    await assert.rejects(ask(t, { credsStore: 'absent' }, { PATH: '/nowhere' }, 'r.example'), {
      message: 'the credential helper docker-credential-absent failed: it is not on the PATH',
    });
  });

  test('whose name is a path is not run', async (t) => {
    await assert.rejects(ask(t, { credsStore: '../../evil' }, {}, 'r.example'), {
      message: /"\.\.\/\.\.\/evil" is malformed/,
    });
  });

  test('is given up when the signal fires', async (t) => {
    const { env, directory } = helper(t, 'exec sleep 60');
    const config = write(join(directory, 'config.json'), { credsStore: 'fake' });
    const stop = new AbortController();
    const asking = authFileCredentials(config, env).find('r.example', undefined, stop.signal);
    stop.abort();
    await assert.rejects(asking, { code: 'ERR_ABORTED' });
  });
});

describe('credentials are looked for', () => {
  const places = (t: TestContext): { env: Record<string, string>; files: string[] } => {
    const home = temporaryDirectory(t);
    const env = {
      HOME: home,
      PATH: '/nowhere',
      REGISTRY_AUTH_FILE: join(home, 'own.json'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      XDG_CONFIG_HOME: join(home, 'conf'),
      DOCKER_CONFIG: join(home, 'docker'),
    };
    return { env, files: credentialFiles(env) };
  };

  test('in REGISTRY_AUTH_FILE, DOCKER_CONFIG, the runtime directory and the configuration directory, in this order', async (t) => {
    const { env, files } = places(t);
    const found: (string | undefined)[] = [];
    for (const [index, file] of [...files.entries()].reverse()) {
      write(file, { auths: { 'r.example': auth(`file ${index}`, 'p') } });
      found.push(who(await defaultCredentials(env).find('r.example', 'x')));
    }
    assert.deepEqual(found, ['file 3', 'file 2', 'file 1', 'file 0']);
    assert.deepEqual(
      files.map((file) => file.slice(env['HOME']!.length)),
      ['/own.json', '/docker/config.json', '/run/containers/auth.json', '/conf/containers/auth.json'],
    );
  });

  test('at the usual places where no variable says otherwise', () => {
    assert.deepEqual(credentialFiles({ HOME: '/h', XDG_RUNTIME_DIR: 'relative' }), [
      `/run/containers/${process.getuid!()}/auth.json`,
      '/h/.config/containers/auth.json',
      '/h/.docker/config.json',
    ]);
  });

  test('in the environment first, for the host it names only', async (t) => {
    const { env, files } = places(t);
    write(files[3]!, { auths: { 'r.example': auth('filed', 'p'), 'other.example': auth('other', 'p') } });
    const own = { ...env, NIXPUSH_REGISTRY: 'r.example', NIXPUSH_USERNAME: 'env', NIXPUSH_PASSWORD: 'p' };
    assert.equal(who(await defaultCredentials(own).find('r.example', 'x')), 'env');
    assert.equal(who(await defaultCredentials(own).find('other.example', 'x')), 'other');
    assert.equal(
      who(await defaultCredentials({ ...own, NIXPUSH_TOKEN: 't' }).find('r.example', 'x')),
      'registry-token',
    );
  });

  test('but a password in the environment for no host in particular is refused', async () => {
    const env = { HOME: '/nowhere', NIXPUSH_USERNAME: 'u', NIXPUSH_PASSWORD: 'p' };
    await assert.rejects(defaultCredentials(env).find('r.example', 'x'), { code: 'ERR_USAGE' });
  });

  test('and those given for one host are not shown to another', async () => {
    const source = fixedCredentials('r.example', {
      kind: 'basic',
      username: 'u',
      password: 'p',
      source: '--username',
    });
    assert.equal(who(await source.find('r.example', undefined)), 'u');
    assert.equal(await source.find('other.example', undefined), undefined);
  });
});
