import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { OCI_CONFIG, OCI_MANIFEST } from '../../src/image/media-types.ts';
import type { FaultEffect, Operation, RegistryAuth } from '../../src/testing/index.ts';
import { examplePush } from '../support/example.ts';
import { nixpush, type Run } from '../support/nixpush.ts';
import { startServer } from '../support/server.ts';
import { CONFIG, digestOf, LAYER, manifestOf, PASSWORD, plant, registry, REPOSITORY, USER } from './scene.ts';

/** Moves the cursor, sets the title, rings, turns text round, begins a sequence in one character, ends the line. */
const EVIL = '\u001b[2J\u001b]0;evil\u0007\u009b31m\u202eright\u2028\r\n\u0000nixpush: all is well';
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Only line breaks steer the terminal, and no line is one that the server made up. */
function isHarmless({ stdout, stderr }: Run): void {
  for (const text of [stdout, stderr]) {
    const lines = text.split('\n');
    assert.deepEqual(
      lines.filter((line) => CONTROL.test(line)),
      [],
    );
    assert.ok(!lines.includes('nixpush: all is well'));
  }
}

const LOGIN = ['--username', USER, '--password-stdin', '--max-wait', '0'];

function inspect(host: string, ...more: string[]): Promise<Run> {
  return nixpush(['inspect', `${host}/${REPOSITORY}`, '--max-wait', '0', ...more]);
}

/** Each prints all that there is to print. */
const VARIANTS = [['--verbose'], ['--json', '--verbose']];

describe("a server's text does not steer the terminal", () => {
  const answers: [string, FaultEffect][] = [
    [
      'the message of an error',
      { kind: 'answer', status: 400, body: JSON.stringify({ errors: [{ code: EVIL, message: EVIL }] }) },
    ],
    ['an error that is no JSON', { kind: 'answer', status: 502, body: EVIL }],
    [
      'an error in HTML',
      { kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: `<html><b>${EVIL}</b>` },
    ],
    ['a manifest that is none', { kind: 'answer', status: 200, body: EVIL }],
    [
      'the media type of a manifest',
      {
        kind: 'answer',
        status: 200,
        body: JSON.stringify({ ...manifestOf(CONFIG, LAYER), mediaType: EVIL }),
      },
    ],
    ['a digest', { kind: 'answer', status: 200, body: JSON.stringify(withConfig({ digest: EVIL })) }],
    ['a redirect', { kind: 'answer', status: 307, headers: { location: `ftp://x/%1b[2J\u00a0\u009b31m` } }],
  ];
  for (const [name, effect] of answers) {
    test(name, async (t) => {
      const home = await registry(t);
      for (const variant of VARIANTS) {
        home.fault({ on: 'manifest-get', effect });
        const run = await inspect(home.host, ...variant);
        assert.ok([1, 5, 6].includes(run.status ?? 0), `${run.status}: ${run.stderr}`);
        isHarmless(run);
      }
    });
  }

  test('an image that is well-formed but for its texts', async (t) => {
    const config = Buffer.from(
      JSON.stringify({
        ...JSON.parse(CONFIG.toString()),
        author: EVIL,
        created: EVIL,
        architecture: EVIL,
        config: { Env: [EVIL], Cmd: [EVIL], Labels: { [EVIL]: EVIL }, [EVIL]: EVIL },
        history: [{ comment: `store paths: ['/nix/store/${EVIL}']`, created_by: EVIL }],
      }),
    );
    const home = await registry(t);
    home.repository(REPOSITORY).blobs.set(digestOf(config), config);
    plant(home, manifestOf(config, LAYER, { annotations: { [EVIL]: EVIL } }));
    for (const variant of VARIANTS) {
      const run = await inspect(home.host, ...variant);
      assert.equal(run.status, 0, run.stderr);
      isHarmless(run);
      if (variant[0] === '--json') {
        const { annotations } = JSON.parse(run.stdout) as { annotations: Record<string, string> };
        assert.equal(annotations[EVIL], EVIL);
      }
    }
  });

  test('why it is waited for', async (t) => {
    const home = await registry(t);
    const headers = { 'retry-after': '0' };
    home.fault({ on: 'upload-start', effect: { kind: 'answer', status: 503, headers, body: EVIL } });
    const run = await nixpush([...examplePush, '--to', `${home.host}/${REPOSITORY}`]);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /^waiting /m);
    isHarmless(run);
  });
});

function withConfig(wrong: object): unknown {
  const config = { mediaType: OCI_CONFIG, digest: digestOf(CONFIG), size: CONFIG.byteLength, ...wrong };
  return manifestOf(CONFIG, LAYER, { config });
}

const BASE64 = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
const TOKEN = 'eyJhbGciOi.very-secret-token.c2lnbmF0dXJl';
const SIGNATURE = 'X-Signature=0123456789abcdef';

/** None of the secrets, nor a part of one that is long enough to matter. */
function keepsSecrets({ stdout, stderr }: Run): void {
  for (const secret of [PASSWORD, BASE64, TOKEN, SIGNATURE, '0123456789abcdef']) {
    assert.ok(!stdout.includes(secret), `stdout has ${secret}:\n${stdout}`);
    assert.ok(!stderr.includes(secret), `stderr has ${secret}:\n${stderr}`);
  }
}

describe('secrets are not printed', () => {
  const failing: [string, Operation, FaultEffect][] = [
    ['a refusal', 'upload-start', { kind: 'answer', status: 403, code: 'DENIED' }],
    [
      'a refusal that repeats what it was shown',
      'upload-start',
      { kind: 'answer', status: 400, body: `you said Basic ${BASE64}, that is ${PASSWORD}; Bearer ${TOKEN}` },
    ],
    [
      'a signed address in an error',
      'upload-start',
      { kind: 'answer', status: 400, body: `see https://s3.test/x?${SIGNATURE} and http://u:${PASSWORD}@h/` },
    ],
    [
      'a signed Location that leads nowhere',
      'upload-start',
      { kind: 'answer', status: 202, headers: { location: `http://127.0.0.1:1/upload?${SIGNATURE}` } },
    ],
    [
      'a signed Location that is refused',
      'upload-start',
      { kind: 'answer', status: 202, headers: { location: `ftp://x/upload?${SIGNATURE}` } },
    ],
    ['a connection that breaks', 'upload-start', { kind: 'reset', afterBytes: 0 }],
    ['no fault at all', 'other', { kind: 'answer', status: 500 }],
  ];
  for (const [name, on, effect] of failing) {
    for (const [kind, ...variant] of [
      ['basic', '--verbose'] as const,
      ['bearer', '--json', '--verbose'] as const,
    ]) {
      test(`${name} (${kind})`, async (t) => {
        const auth: RegistryAuth = { kind, username: USER, password: PASSWORD };
        const home = await registry(t, { auth });
        home.fault({ on, times: 100, effect });
        const command = [...examplePush, '--to', `${home.host}/${REPOSITORY}`, ...LOGIN, ...variant];
        const run = await nixpush(command, { input: PASSWORD });
        assert.equal(run.status === 0, name === 'no fault at all', run.stderr);
        keepsSecrets(run);
      });
    }
  }

  test('a token that its server repeats, and one that is refused', async (t) => {
    const home = await tokenRegistry(t);
    for (const variant of VARIANTS) {
      const run = await nixpush(['inspect', `${home.host}/${REPOSITORY}`, ...LOGIN, ...variant], {
        input: PASSWORD,
      });
      assert.equal(run.status, 3, run.stderr);
      keepsSecrets(run);
    }
  });

  test('a password that is refused at login', async (t) => {
    const home = await registry(t, { auth: { kind: 'basic', username: USER, password: 'another' } });
    for (const variant of VARIANTS) {
      const args = ['login', home.host, '--username', USER, '--password-stdin', ...variant];
      const run = await nixpush(args, { input: PASSWORD });
      assert.equal(run.status, 3, run.stderr);
      keepsSecrets(run);
    }
  });

  test('a password that stands in a reference', async () => {
    for (const args of [
      ['inspect', `${USER}:${PASSWORD}@r.example/x`],
      [...examplePush, '--to', `${USER}:${PASSWORD}@r.example/x`],
      ['auth', `https://${USER}:${PASSWORD}@r.example/x`],
      ['login', `https://${USER}:${PASSWORD}@r.example`],
    ]) {
      const run = await nixpush([...args, '--verbose']);
      assert.equal(run.status, 2, run.stderr);
      keepsSecrets(run);
    }
  });
});

/** A registry that refuses every token, saying which one it got. */
function tokenRegistry(t: TestContext): Promise<{ host: string }> {
  return startServer(t, (request, response) => {
    if (request.url?.startsWith('/token') === true) {
      response.end(JSON.stringify({ token: TOKEN }));
      return;
    }
    const realm = `http://${request.headers.host}/token`;
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"`, 'content-type': OCI_MANIFEST });
    response.end(`no entry with ${request.headers.authorization} (${TOKEN})`);
  });
}
