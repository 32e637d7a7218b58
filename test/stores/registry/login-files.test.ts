import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { removeLogin, storeLogin } from '../../../src/stores/registry/auth-file-edit.ts';
import { authFileCredentials } from '../../../src/stores/registry/auth-file.ts';
import { loginFile } from '../../../src/stores/registry/credentials.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const LOGIN = { username: 'ada', password: 'love:lace' };
const AUTH = Buffer.from('ada:love:lace').toString('base64');

function write(path: string, content: unknown): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A credential helper that writes down what it is told, and what it answers to `get`. */
function helper(t: TestContext, answer: string): { env: Record<string, string>; told: () => string } {
  const directory = temporaryDirectory(t);
  const script = `#!/bin/sh\nprintf '%s ' "$1" >> ${directory}/told; cat >> ${directory}/told; echo >> ${directory}/told\n`;
  const program = write(
    join(directory, 'docker-credential-fake'),
    `${script}[ "$1" != get ] || { ${answer}; }\n`,
  );
  chmodSync(program, 0o755);
  return {
    env: { PATH: `${directory}:${process.env['PATH']}` },
    told: () => readFileSync(join(directory, 'told'), 'utf8'),
  };
}

describe('a login', () => {
  test('goes into a new file that only its user can read', async (t) => {
    const path = join(temporaryDirectory(t), 'new/config.json');
    assert.equal(await storeLogin(path, 'r.example', LOGIN, {}), path);
    assert.deepEqual(read(path), { auths: { 'r.example': { auth: AUTH } } });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(dirname(path)), ['config.json']);
  });

  test('leaves everything else in the file as it is', async (t) => {
    const others = {
      auths: { 'q.io/team': { auth: 'eDp5' } },
      HttpHeaders: { a: 'b' },
      credHelpers: { 'x.io': 'y' },
    };
    const path = write(join(temporaryDirectory(t), 'config.json'), others);
    chmodSync(path, 0o644);
    await storeLogin(path, 'r.example', LOGIN, {});
    assert.deepEqual(read(path), { ...others, auths: { ...others.auths, 'r.example': { auth: AUTH } } });
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('takes the place of all other names of the same host', async (t) => {
    const auths = {
      'docker.io': {},
      'https://index.docker.io/v1/': {},
      'registry-1.docker.io': {},
      'r.io': {},
    };
    const path = write(join(temporaryDirectory(t), 'config.json'), { auths });
    await storeLogin(path, 'docker.io', LOGIN, {});
    assert.deepEqual(read(path), {
      auths: { 'r.io': {}, 'https://index.docker.io/v1/': { auth: AUTH } },
    });
  });

  test('is found again', async (t) => {
    const path = join(temporaryDirectory(t), 'config.json');
    await storeLogin(path, 'docker.io', LOGIN, {});
    const found = await authFileCredentials(path, {}).find('docker.io', 'library/x');
    assert.deepEqual(found, {
      kind: 'basic',
      ...LOGIN,
      source: path,
      key: 'https://index.docker.io/v1/',
    });
  });

  test('goes through a link to the file behind it', async (t) => {
    const directory = temporaryDirectory(t);
    const target = write(join(directory, 'dotfiles/config.json'), {});
    symlinkSync(target, join(directory, 'config.json'));
    await storeLogin(join(directory, 'config.json'), 'r.example', LOGIN, {});
    assert.deepEqual(read(target), { auths: { 'r.example': { auth: AUTH } } });
    assert.deepEqual(readdirSync(join(directory, 'dotfiles')), ['config.json']);
  });

  test('does not touch a file that is not JSON', async (t) => {
    const path = write(join(temporaryDirectory(t), 'config.json'), '{"auths": hunter2');
    await assert.rejects(storeLogin(path, 'r.example', LOGIN, {}), { code: 'ERR_FORMAT' });
    assert.equal(readFileSync(path, 'utf8'), '{"auths": hunter2');
  });

  test('goes to the helper that the file names, and the file keeps no password', async (t) => {
    const { env, told } = helper(t, ':');
    const old = { credsStore: 'fake', auths: { 'r.example': { auth: 'b2xkOm9sZA==' } } };
    const path = write(join(temporaryDirectory(t), 'config.json'), old);
    assert.equal(await storeLogin(path, 'r.example', LOGIN, env), 'docker-credential-fake');
    assert.equal(told(), 'store {"ServerURL":"r.example","Username":"ada","Secret":"love:lace"}\n');
    assert.deepEqual(read(path), { credsStore: 'fake', auths: { 'r.example': {} } });
  });

  test('that a helper refuses is an error without the password', async (t) => {
    const directory = temporaryDirectory(t);
    const program = write(join(directory, 'docker-credential-fake'), '#!/bin/sh\ncat\nexit 1\n');
    chmodSync(program, 0o755);
    const path = write(join(directory, 'config.json'), { credHelpers: { 'r.example': 'fake' } });
    const env = { PATH: `${directory}:${process.env['PATH']}` };
    await assert.rejects(storeLogin(path, 'r.example', LOGIN, env), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_COMMAND');
      assert.doesNotMatch(error.message, /love:lace/);
      return true;
    });
  });
});

describe('a logout', () => {
  test('removes all names of the host and nothing else', async (t) => {
    const entry = { auth: AUTH };
    const auths = {
      'https://r.example/v2/': entry,
      'r.example': entry,
      'r.example/team': entry,
      'q.io': entry,
    };
    const path = write(join(temporaryDirectory(t), 'config.json'), { auths, x: 1 });
    assert.deepEqual(await removeLogin(path, 'r.example', {}), [path]);
    assert.deepEqual(read(path), { auths: { 'r.example/team': entry, 'q.io': entry }, x: 1 });
  });

  test('of a host that is not there changes nothing, nor makes a file', async (t) => {
    const directory = temporaryDirectory(t);
    assert.deepEqual(await removeLogin(join(directory, 'config.json'), 'r.example', {}), []);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('has the helper forget, and removes the entry that says there is a login', async (t) => {
    const { env, told } = helper(t, `echo '{"Username":"ada","Secret":"s"}'`);
    const path = write(join(temporaryDirectory(t), 'config.json'), {
      credsStore: 'fake',
      auths: { 'r.example': {} },
    });
    assert.deepEqual(await removeLogin(path, 'r.example', env), ['docker-credential-fake']);
    assert.equal(told(), 'get r.example\nerase r.example\n');
    assert.deepEqual(read(path), { credsStore: 'fake', auths: {} });
  });

  test('does not ask a helper to forget what it does not know', async (t) => {
    const { env, told } = helper(t, 'echo credentials not found in native keychain; exit 1');
    const path = write(join(temporaryDirectory(t), 'config.json'), { credsStore: 'fake' });
    assert.deepEqual(await removeLogin(path, 'docker.io', env), []);
    assert.equal(told(), 'get https://index.docker.io/v1/\n');
  });
});

describe('a login goes to', () => {
  const scene = (t: TestContext): Record<string, string> => {
    const home = temporaryDirectory(t);
    return { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), XDG_CONFIG_HOME: join(home, 'conf') };
  };

  test("Docker's config.json if there is no file yet", (t) => {
    const env = scene(t);
    assert.equal(loginFile(env), join(env['HOME']!, '.docker/config.json'));
  });

  test('the first file that exists, so that none before it hides the login', (t) => {
    const env = scene(t);
    write(join(env['HOME']!, '.docker/config.json'), {});
    const auth = write(join(env['XDG_CONFIG_HOME']!, 'containers/auth.json'), {});
    assert.equal(loginFile(env), auth);
  });

  test('the config.json of DOCKER_CONFIG if that is set, where podman and skopeo look too', (t) => {
    const env = scene(t);
    write(join(env['XDG_RUNTIME_DIR']!, 'containers/auth.json'), {});
    assert.equal(loginFile({ ...env, DOCKER_CONFIG: '/x/docker' }), '/x/docker/config.json');
  });

  test('REGISTRY_AUTH_FILE if it is set, be it there or not', (t) => {
    const env = scene(t);
    write(join(env['XDG_RUNTIME_DIR']!, 'containers/auth.json'), {});
    assert.equal(loginFile({ ...env, REGISTRY_AUTH_FILE: '/x/own.json' }), '/x/own.json');
  });
});
