import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import {
  personalities,
  startFaultRegistry,
  type FaultRegistry,
  type RegistryQuirks,
} from '../../src/testing/index.ts';
import { doctor, type DoctorOptions } from '../../src/verbs/doctor.ts';
import { registryClient } from '../../src/verbs/registry-client.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { nixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { putSmallImage } from '../support/small-image.ts';

const REPOSITORY = 'x/demo';

async function registry(t: TestContext, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const started = await startFaultRegistry(quirks);
  t.after(() => started.stop());
  return started;
}

async function withImage(t: TestContext, host: string): Promise<void> {
  const store = new RegistryStore({ client: registryClient(host), repository: REPOSITORY });
  t.after(() => store.close());
  await putSmallImage(store, 'hello', 'latest');
}

/** Result of each check by name. */
async function results(address: string, options?: DoctorOptions): Promise<Record<string, string>> {
  const { findings } = await doctor(address, { registry: { maxWaitMs: 0 }, ...options });
  return Object.fromEntries(findings.map(({ check, result }) => [check, result]));
}

/** Nothing but what was there before: no uploads under way, no blobs. */
function isUntouched(from: FaultRegistry, blobs: number): void {
  const held = from.repository(REPOSITORY);
  assert.deepEqual([held.sessions.size, held.blobs.size], [0, blobs]);
}

describe('the doctor', () => {
  test('finds what an honest registry can do, and leaves nothing there', async (t) => {
    const home = await registry(t);
    await withImage(t, home.host);
    assert.deepEqual(await results(`${home.host}/${REPOSITORY}`), {
      reached: 'yes',
      'asks for credentials': 'no',
      credentials: 'no',
      'tag list': 'yes',
      'manifest HEAD': 'yes',
      'rate limit': 'no',
      'blob HEAD': 'yes',
      'blob ranges': 'yes',
      'referrers API': 'yes',
      push: 'yes',
      'cross-repository mount': 'yes',
      'upload in one PUT': 'yes',
      'upload in one stream': 'yes',
      'upload in chunks': 'yes',
      'upload status': 'yes',
      'resume after a break': 'yes',
      'chunk size limits': 'no',
      delete: 'no',
      'OCI manifest with zstd layers': 'not tried',
    });
    isUntouched(home, 2);
  });

  const found: [string, RegistryQuirks, Record<string, string>][] = [
    [
      'distribution 2',
      personalities.distribution2,
      { 'upload in chunks': 'yes', 'resume after a break': 'no' },
    ],
    ['zot', personalities.zot, { 'resume after a break': 'no', 'upload in one stream': 'yes' }],
    ['ECR', personalities.ecr, { 'upload status': 'no', 'chunk size limits': 'yes' }],
    ['distribution 3', personalities.distribution3, { 'referrers API': 'no', 'resume after a break': 'yes' }],
    ['public ECR', personalities.publicEcr, { 'blob HEAD': 'no' }],
    ['Artifactory', personalities.artifactory, { 'upload in one PUT': 'no' }],
    [
      'a proxy that wants lengths',
      personalities.behindProxy,
      { 'upload in one stream': 'no', 'upload in chunks': 'yes' },
    ],
    ['Cloudflare', personalities.cloudflare, { 'chunk size limits': 'yes', 'upload in chunks': 'yes' }],
    ['a registry without mounts', { mount: 'ignored' }, { 'cross-repository mount': 'no' }],
    ['a registry that refuses mounts', { mount: 401 }, { 'cross-repository mount': 'no' }],
    ['a registry without ranges', { noBlobRanges: true }, { 'blob ranges': 'no' }],
    [
      'a registry without PATCH',
      { patchRefused: 405 },
      { 'upload in one stream': 'no', 'upload in chunks': 'no', 'upload status': 'not tried' },
    ],
  ];
  for (const [name, quirks, expected] of found) {
    test(`knows ${name}`, async (t) => {
      const home = await registry(t);
      await withImage(t, home.host);
      home.quirks = quirks;
      const all = await results(`${home.host}/${REPOSITORY}`);
      const those = Object.fromEntries(Object.keys(expected).map((check) => [check, all[check]]));
      assert.deepEqual(those, expected);
      isUntouched(home, 2);
    });
  }

  test('without the right to push says so for all that it would have to push', async (t) => {
    const home = await registry(t);
    await withImage(t, home.host);
    home.fault({ on: 'upload-start', times: 10, effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    const all = await results(`${home.host}/${REPOSITORY}`);
    assert.deepEqual([all['push'], all['blob HEAD']], ['no', 'yes']);
    for (const check of ['upload in chunks', 'resume after a break', 'cross-repository mount', 'delete']) {
      assert.equal(all[check], 'not tried', check);
    }
  });

  test('takes the word of a token server that gives none to push', async (t) => {
    const home = await registry(t, { auth: { kind: 'bearer' } });
    home.fault({ on: 'token', nth: 2, times: 9, effect: { kind: 'answer', status: 403, code: 'DENIED' } });
    const { findings } = await doctor(`${home.host}/${REPOSITORY}`, { registry: { maxWaitMs: 0 } });
    const push = findings.find(({ check }) => check === 'push');
    assert.equal(push?.result, 'no');
    assert.match(push.detail ?? '', /getting a token from .* was denied \(403/);
  });

  test('of an empty repository reads nothing', async (t) => {
    const home = await registry(t);
    const all = await results(`${home.host}/${REPOSITORY}`);
    assert.deepEqual(
      [all['blob HEAD'], all['push'], all['cross-repository mount']],
      ['not tried', 'yes', 'not tried'],
    );
    isUntouched(home, 0);
  });

  test('tells how long tokens live, and where the credentials come from', async (t) => {
    const home = await registry(t, {
      auth: { kind: 'bearer', username: 'ada', password: 'secret', lifeSeconds: 120 },
    });
    const logins = { [home.host]: { username: 'ada', password: 'secret' } };
    const { findings } = await doctor(home.host, { registry: { logins } });
    assert.deepEqual(findings, [
      { check: 'reached', result: 'yes', detail: `http://${home.host}/` },
      { check: 'asks for credentials', result: 'yes', detail: `tokens of ${home.host}` },
      { check: 'credentials', result: 'yes', detail: 'basic of ada from the command line' },
      { check: 'lets in', result: 'yes', detail: 'tokens live 120 s' },
    ]);
  });

  test('tries nothing more where the credentials are refused', async (t) => {
    const home = await registry(t, { auth: { kind: 'basic', username: 'ada', password: 'secret' } });
    const logins = { [home.host]: { username: 'ada', password: 'wrong' } };
    const all = await results(`${home.host}/${REPOSITORY}`, { registry: { logins } });
    assert.deepEqual(Object.keys(all), ['reached', 'asks for credentials', 'credentials', 'lets in']);
    assert.equal(all['lets in'], 'no');
  });

  test('prints one table, or one document', async (t) => {
    const home = await registry(t);
    const table = await nixpush(['doctor', `${home.host}/${REPOSITORY}`]);
    assert.deepEqual([table.status, table.stderr], [0, '']);
    assert.match(table.stdout, /^127\S+\nreached +yes +http:\/\/127/);
    assert.match(table.stdout, /^resume after a break +yes/m);
    const document = JSON.parse((await nixpush(['doctor', home.host, '--json'])).stdout) as { host: string };
    assert.equal(document.host, home.host);
    assert.equal((await nixpush(['doctor', '127.0.0.1:1'])).status, 6);
  });
});

test(
  'the doctor examines a real docker-registry, and leaves nothing there',
  needs('docker-registry'),
  async (t) => {
    const { host, directory } = await startDockerRegistry(t);
    await withImage(t, host);
    const files = (): string[] =>
      readdirSync(join(directory, 'data'), { recursive: true, encoding: 'utf8' })
        .filter((path) => /\/(data|startedat)$/.test(path))
        .sort();
    const before = files();
    const all = await results(`${host}/${REPOSITORY}`);
    assert.deepEqual(
      [
        all['push'],
        all['upload in one PUT'],
        all['upload in chunks'],
        all['resume after a break'],
        all['cross-repository mount'],
      ],
      ['yes', 'yes', 'yes', 'no', 'yes'],
    );
    assert.deepEqual([all['delete'], all['OCI manifest with zstd layers']], ['yes', 'yes']);
    assert.deepEqual(
      files().filter((path) => path.includes('_uploads')),
      [],
    );
    const revisions = (): number =>
      readdirSync(
        join(directory, 'data/docker/registry/v2/repositories', REPOSITORY, '_manifests/revisions/sha256'),
      ).length;
    assert.equal(revisions() >= 1, true);
    assert.ok(before.length > 0);
  },
);
