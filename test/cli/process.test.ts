import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { examplePush } from '../support/example.ts';
import { nixpush, startNixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { repoRoot } from '../support/repo.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const { version } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as { version: string };

/** A server on 127.0.0.1; returns its `host:port`. */
async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the process', () => {
  test('answers --help and --version without loading yargs or undici', async () => {
    const refuse = `export async function resolve(name, context, next) {
      if (/^(yargs|undici)/.test(name)) throw new Error('loaded ' + name);
      return next(name, context);
    }`;
    const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(refuse))});`;
    const env = { NODE_OPTIONS: `--import=${dataUrl(register)}` };
    assert.match((await nixpush(['completion', 'bash'], { env })).stderr, /loaded yargs/);
    const [help, itsVersion] = await Promise.all([
      nixpush(['--help'], { env }),
      nixpush(['--version'], { env }),
    ]);
    assert.deepEqual([help.status, help.stderr], [0, '']);
    assert.match(help.stdout, /^nixpush \[PATH/);
    assert.deepEqual(itsVersion, { status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('ends with 2 and a hint if it is called wrongly', async () => {
    const run = await nixpush(['./result', '--layer', 'auto']);
    assert.deepEqual(run, {
      status: 2,
      stdout: '',
      stderr: 'nixpush: unknown option --layer\n  hint: Did you mean --layers?\n',
    });
  });

  test('says once that a registry is gone, however many layers were on their way, and ends with 6', async (t) => {
    let uploads = 0;
    const server = createServer(({ method, url }, response) => {
      if (method === 'GET' || method === 'HEAD') response.writeHead(url === '/v2/' ? 200 : 404).end();
      else if ((uploads += 1) === 2) server.close().closeAllConnections();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.closeAllConnections());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { status, stderr } = await nixpush([...examplePush, '--to', `${host}/x`, '--max-wait', '1s']);
    assert.equal(status, 6, stderr);
    const waits = stderr.split('\n').filter((line) => line.startsWith('waiting'));
    assert.equal(waits.length, 1, stderr);
    assert.match(
      waits[0]!,
      new RegExp(`: ${host}/x: pushing layer .* failed: .*; trying again for up to 1.0 s$`),
    );
  });

  test('prints exactly one line for a destination, and with --quiet nothing else', async (t) => {
    const layout = join(temporaryDirectory(t), 'image');
    const run = await nixpush([...examplePush, '--to', `oci:${layout}`, '--quiet']);
    assert.equal(run.stderr, '');
    assert.equal(run.status, 0);
    assert.match(run.stdout, /^oci:\S+image@sha256:[0-9a-f]{64}\n$/);
  });

  test('tells of layers on stderr where there is no terminal', async (t) => {
    const layout = join(temporaryDirectory(t), 'image');
    const { status, stderr } = await nixpush([...examplePush, '--to', `oci:${layout}`]);
    assert.equal(status, 0);
    const lines = stderr.trimEnd().split('\n');
    assert.ok(
      lines.slice(0, -1).every((line) => /^layer \d\/4 .* pushed to oci:/.test(line)),
      stderr,
    );
    assert.match(lines.at(-1) ?? '', /^pushed 4 layers, 4 sent \(/);
  });

  test('prints one JSON document with --json, for a plan and for a push', async (t) => {
    const to = `oci:${join(temporaryDirectory(t), 'image')}`;
    for (const more of [['--dry-run'], ['--to', to]]) {
      const run = await nixpush([...examplePush, ...more, '--json']);
      const document = JSON.parse(run.stdout) as { platform: string; layers: unknown[] };
      assert.equal(document.platform, 'linux/amd64');
      assert.equal(document.layers.length, 4);
    }
  });

  test('prints an error as JSON on stderr with --json', async () => {
    const missing = '/nix/store/00000000000000000000000000000000-missing';
    const run = await nixpush([missing, '--store', '/nowhere', '--dry-run', '--json']);
    assert.equal(run.status, 4);
    assert.equal(run.stdout, '');
    const { error } = JSON.parse(run.stderr) as { error: { code: string; exitCode: number } };
    assert.deepEqual([error.code, error.exitCode], ['ERR_NOT_FOUND', 4]);
  });

  test('prints what succeeded and ends with the code of what failed', async (t) => {
    const host = await serve(t, (_request, response) => response.writeHead(403).end());
    const layout = join(temporaryDirectory(t), 'image');
    const run = await nixpush([...examplePush, '--to', `${host}/me/x`, '--to', `oci:${layout}`]);
    assert.equal(run.status, 3, run.stderr);
    assert.match(run.stdout, /^oci:\S+@sha256:[0-9a-f]{64}\n$/);
    assert.match(run.stderr, new RegExp(`^nixpush: .*${host}`, 'm'));
  });

  for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    test(`ends with ${code} on ${signal}, with one clear line`, async (t) => {
      let arrived = (): void => undefined;
      const request = new Promise<void>((resolve) => (arrived = resolve));
      const host = await serve(t, () => arrived());
      const { child, finished } = startNixpush(['inspect', `${host}/me/x`]);
      await request;
      child.kill(signal);
      assert.deepEqual(await finished, {
        status: code,
        stdout: '',
        stderr: `nixpush: stopped by ${signal}\n`,
      });
    });
  }

  test('does not mind a reader that goes away', async () => {
    const { child, finished } = startNixpush(['--help']);
    child.stdout?.destroy();
    const { status, stderr } = await finished;
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('completes in a real bash', needs('bash'), async (t) => {
    const { stdout: script } = await nixpush(['completion', 'bash']);
    const cli = join(import.meta.dirname, '../support/nixpush-cli.js');
    const session = `
      nixpush() { "$NODE" "$CLI" "$@"; }
      ${script}
      COMP_WORDS=(nixpush inspect --pl) COMP_CWORD=2
      _nixpush_yargs_completions
      echo "\${COMPREPLY[@]}"`;
    const env = { ...process.env, NODE: process.execPath, CLI: cli };
    const cwd = temporaryDirectory(t);
    const output = execFileSync('bash', ['--norc', '-c', session], { env, cwd, encoding: 'utf8' });
    assert.equal(output, '--platform\n');
  });

  test('says what to do in a checkout that is not compiled', (t) => {
    const directory = temporaryDirectory(t);
    cpSync(join(repoRoot, 'bin'), join(directory, 'bin'), { recursive: true });
    const run = spawnSync(process.execPath, [join(directory, 'bin/nixpush.js')], { encoding: 'utf8' });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /^nixpush: .*\n {2}hint: .*npm run build/);
  });
});
