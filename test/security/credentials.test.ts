import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { RegistryAuth } from '../../src/testing/index.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { login } from '../../src/verbs/login.ts';
import { push } from '../../src/verbs/push.ts';
import type { RegistryAccess } from '../../src/verbs/registry-access.ts';
import { registryClient } from '../../src/verbs/registry-client.ts';
import { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { startServer, type Answer, type TestServer } from '../support/server.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import {
  CONFIG,
  examplePush,
  failsWith,
  IMPATIENT,
  PASSWORD,
  plant,
  registry,
  REPOSITORY,
  sawNoSecret,
  USER,
} from './scene.ts';

const BASIC: RegistryAuth = { kind: 'basic', username: USER, password: PASSWORD };
const BEARER: RegistryAuth = { kind: 'bearer', username: USER, password: PASSWORD };

function access(host: string, more: RegistryAccess = {}): { registry: RegistryAccess } {
  return { registry: { ...IMPATIENT, logins: { [host]: { username: USER, password: PASSWORD } }, ...more } };
}

/** Another host that answers everything, and so would take whatever it is shown. */
async function stranger(
  t: TestContext,
  answer: Answer = (_request, response) => response.end(),
): Promise<TestServer> {
  return startServer(t, answer);
}

for (const auth of [BASIC, BEARER]) {
  describe(`credentials (${auth.kind}) stay with their registry`, () => {
    test('when a blob is redirected to another host, whose bytes are checked all the same', async (t) => {
      const evil = await stranger(t, (_request, response) => response.end(CONFIG));
      const home = await registry(t, { auth, blobRedirect: `http://${evil.host}` });
      plant(home);
      await inspect(`${home.host}/${REPOSITORY}`, access(home.host));
      assert.equal(evil.requests.length, 1);
      sawNoSecret(evil);
    });

    test('when a manifest is redirected to another host', async (t) => {
      const evil = await stranger(t);
      const home = await registry(t, { auth });
      const headers = { location: `http://${evil.host}/manifest` };
      plant(home);
      // Authorized requests only: the first one brings the challenge.
      home.fault({ on: 'manifest-get', effect: { kind: 'answer', status: 307, headers } });
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, access(home.host)), 1, /is not JSON/);
      assert.equal(evil.requests.length, 1);
      sawNoSecret(evil);
    });

    test('when an upload is to go on at another host', async (t) => {
      const evil = await stranger(t, (_request, response) => response.writeHead(201).end());
      const home = await registry(t, { auth, locationOrigin: `http://${evil.host}` });
      await assert.rejects(push(examplePush(`${home.host}/${REPOSITORY}`, access(home.host))));
      assert.ok(evil.requests.length > 0);
      sawNoSecret(evil);
      assert.equal(home.repository(REPOSITORY).tags.size, 0);
    });

    test('when a list of tags goes on at another host', async (t) => {
      const evil = await stranger(t, (_request, response) => response.end('{"tags":["b"]}'));
      const home = await registry(t, { auth, tagsPerPage: 1, tagLink: `http://${evil.host}` });
      plant(home);
      home.repository(REPOSITORY).tags.set('other', 'sha256:0');
      const client = registryClient(home.host, access(home.host));
      const store = new RegistryStore({ client, repository: REPOSITORY });
      t.after(() => store.close());
      assert.deepEqual((await store.listTags()).includes('b'), true);
      sawNoSecret(evil);
    });
  });
}

describe('a request that changes something', () => {
  for (const status of [301, 302, 303, 307, 308]) {
    test(`is not repeated elsewhere because of a ${status}`, async (t) => {
      const evil = await stranger(t);
      const home = await registry(t, { auth: BASIC });
      const headers = { location: `http://${evil.host}/` };
      for (const on of ['upload-start', 'upload-mount'] as const) {
        home.fault({ on, times: 100, effect: { kind: 'answer', status, headers } });
      }
      await failsWith(
        push(examplePush(`${home.host}/${REPOSITORY}`, access(home.host))),
        6,
        new RegExp(String(status)),
      );
      assert.deepEqual(evil.requests, []);
      assert.equal(home.repository(REPOSITORY).tags.size, 0);
    });
  }
});

describe('a login for one host', () => {
  const config = (t: TestContext, key: string): Record<string, string> => {
    const directory = temporaryDirectory(t);
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
    writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths: { [key]: { auth } } }));
    return {
      HOME: directory,
      DOCKER_CONFIG: directory,
      XDG_CONFIG_HOME: directory,
      XDG_RUNTIME_DIR: directory,
    };
  };
  const keys: [string, (host: string) => string][] = [
    ['without the port', (host) => host.split(':')[0]!],
    ['whose port begins alike', (host) => host.slice(0, -1)],
    ['that has the other name in its path', (host) => `r.example/${host}`],
    ['as a URL of another host', (host) => `https://r.example/${host}`],
    ['that ends alike', (host) => `r${host}`],
  ];
  for (const [name, keyOf] of keys) {
    test(`${name} is not shown to another`, async (t) => {
      const evil = await stranger(t, (_request, response) =>
        response.writeHead(401, { 'www-authenticate': 'Basic realm="give me your password"' }).end(),
      );
      const run = await nixpush(['inspect', `${evil.host}/${REPOSITORY}`], {
        env: config(t, keyOf(evil.host)),
      });
      assert.equal(run.status, 3, run.stderr);
      assert.ok(evil.requests.length > 0);
      sawNoSecret(evil);
    });
  }

  test('is shown to that host', async (t) => {
    const home = await registry(t, { auth: BASIC });
    plant(home);
    const run = await nixpush(['inspect', `${home.host}/${REPOSITORY}`], { env: config(t, home.host) });
    assert.equal(run.status, 0, run.stderr);
  });
});

describe('a token server', () => {
  /** A registry whose challenges name `realm`. */
  const challenging = (t: TestContext, realm: string): Promise<TestServer> =>
    stranger(t, (_request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end(),
    );

  const refused: [string, string, number, RegExp][] = [
    [
      'of another domain',
      'https://token.evil.test/t',
      3,
      /wants its credentials sent to token\.evil\.test, which belongs/,
    ],
    [
      'over something else than http',
      'file:///etc/passwd',
      6,
      /names a token server that is not reached over https/,
    ],
    ['with a user name in its address', 'http://u:p@127.0.0.1/t', 6, /holds a user name/],
    ['that is no URL', 'token', 6, /is not a URL/],
  ];
  for (const [name, realm, code, message] of refused) {
    test(`${name} does not get the password`, async (t) => {
      const home = await challenging(t, realm);
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, access(home.host)), code, message);
      sawNoSecret(home);
    });
  }

  for (const status of [302, 307]) {
    test(`that redirects (${status}) does not lead the password anywhere`, async (t) => {
      const evil = await stranger(t, (_request, response) => response.end('{"token":"x"}'));
      const tokens = await stranger(t, (_request, response) =>
        response.writeHead(status, { location: `http://${evil.host}/token` }).end(),
      );
      const home = await challenging(t, `http://${tokens.host}/token`);
      await failsWith(
        inspect(`${home.host}/${REPOSITORY}`, access(home.host)),
        6,
        new RegExp(`token.*${status}`),
      );
      assert.deepEqual(evil.requests, []);
    });
  }

  test('of another domain gets it where the user says so, and only there', async (t) => {
    const home = await challenging(t, 'https://token.evil.test/t');
    const reference = `${home.host}/${REPOSITORY}`;
    const other = access(home.host, { trustedTokenServers: ['evil.test'] });
    await failsWith(inspect(reference, other), 3, /belongs to another domain/);
    const trusted = access(home.host, { trustedTokenServers: ['token.evil.test'] });
    // The name does not exist: but it was asked for.
    await failsWith(inspect(reference, trusted), 6, /getting a token for .* failed/);
  });
});

describe('cookies', () => {
  test('are never sent back', async (t) => {
    const home = await registry(t, { cookieTrap: true });
    await push(examplePush(`${home.host}/${REPOSITORY}`, { registry: IMPATIENT }));
    assert.ok(home.requests.every(({ headers }) => headers['cookie'] === undefined));
  });
});

/** A certificate for 127.0.0.1 that is its own authority. */
function certificate(t: TestContext): { file: string; cert: string; key: string } {
  const directory = temporaryDirectory(t);
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', 'key.pem', '-out', 'cert.pem'];
  const made = spawnSync('openssl', [...args, ...names, ...files], { cwd: directory });
  assert.equal(made.status, 0, made.stderr.toString());
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return { file: join(directory, 'cert.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

describe('from https', () => {
  const nothingPlain: [string, (plain: string) => Answer, RegExp][] = [
    [
      'a redirect',
      (plain) => (_request, response) => response.writeHead(307, { location: `http://${plain}/` }).end(),
      /leads from https to plain http/,
    ],
    [
      'the Location of an upload',
      (plain) => (request, response) =>
        request.method === 'POST'
          ? response.writeHead(202, { location: `http://localhost:${plain.split(':')[1]}/upload` }).end()
          : response.writeHead(request.url === '/v2/' ? 200 : 404).end(),
      /leads from https to plain http/,
    ],
    [
      'a token server',
      (plain) => (_request, response) =>
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${plain}/token"` }).end(),
      /names a token server that is not reached over https/,
    ],
  ];
  for (const [name, answer, message] of nothingPlain) {
    test(`${name} does not lead to http`, needs('openssl'), async (t) => {
      const plain = await stranger(t);
      const tls = certificate(t);
      const home = await startServer(t, answer(plain.host), tls);
      const options = access(home.host, { caFile: tls.file });
      const reference = `${home.host}/${REPOSITORY}`;
      const work = name.includes('upload')
        ? push(examplePush(reference, options))
        : inspect(reference, options);
      await failsWith(work, 6, message);
      assert.deepEqual(plain.requests, []);
    });
  }

  test(
    'an unknown certificate is not taken, nor plain http tried in its place',
    needs('openssl'),
    async (t) => {
      const home = await startServer(t, (_request, response) => response.end(), certificate(t));
      await failsWith(inspect(`${home.host}/${REPOSITORY}`, access(home.host)), 6, /self-signed/);
      assert.deepEqual(home.requests, []);
    },
  );

  test(
    'a host named with --insecure is the only one that is trusted blindly',
    needs('openssl'),
    async (t) => {
      const home = await startServer(t, (_request, response) => response.end(), certificate(t));
      const reference = `${home.host}/${REPOSITORY}`;
      await failsWith(inspect(reference, access(home.host, { insecure: ['127.0.0.1'] })), 6, /self-signed/);
      await failsWith(inspect(reference, access(home.host, { insecure: [home.host] })), 1, /is not JSON/);
    },
  );
});

describe('a login', () => {
  test('that a registry sends to another domain is not stored', async (t) => {
    const evil = await stranger(t, (_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://token.evil.test/"' }).end(),
    );
    const work = login(evil.host, { username: USER, password: PASSWORD, registry: IMPATIENT });
    await failsWith(work, 3, /belongs to another domain/);
    sawNoSecret(evil);
  });
});
