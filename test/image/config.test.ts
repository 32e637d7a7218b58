import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { makeConfig, type ConfigInput } from '../../src/image/config.ts';
import { DEFAULT_CREATED, parseCreated } from '../../src/image/created.ts';
import { rootLayerHistory, storeLayerHistory } from '../../src/image/history.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../../src/image/platform.ts';
import { schemaErrors } from '../support/schemas.ts';

const usage = { name: 'NixpushError', code: 'ERR_USAGE' };

const input: ConfigInput = {
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  created: DEFAULT_CREATED,
  config: {
    Labels: { b: '2', a: '1' },
    Zeta: [1],
    Healthcheck: { Test: ['NONE'] },
    Cmd: ['/bin/hello'],
    Env: ['B=2', 'A=1'],
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: null,
  },
  layers: [
    {
      diffId: sha256('one'),
      history: storeLayerHistory(['/nix/store/a-x', '/nix/store/b-y'], DEFAULT_CREATED),
    },
    { diffId: sha256('two'), history: rootLayerHistory(['/nix/store/b-y'], DEFAULT_CREATED) },
  ],
};

test('a config has its keys in a fixed order and no whitespace', () => {
  assert.equal(
    Buffer.from(makeConfig(input)).toString(),
    '{"architecture":"arm64","os":"linux","variant":"v8","created":"1970-01-01T00:00:01Z",' +
      '"config":{"ExposedPorts":{"53/udp":{},"80/tcp":{}},"Env":["B=2","A=1"],"Cmd":["/bin/hello"],' +
      '"Labels":{"a":"1","b":"2"},"Healthcheck":{"Test":["NONE"]},"Zeta":[1]},' +
      `"rootfs":{"type":"layers","diff_ids":["${sha256('one')}","${sha256('two')}"]},` +
      '"history":[{"created":"1970-01-01T00:00:01Z","created_by":"nixpush",' +
      '"comment":"store paths: [\'/nix/store/a-x\', \'/nix/store/b-y\']"},' +
      '{"created":"1970-01-01T00:00:01Z","created_by":"nixpush",' +
      '"comment":"links at / to store paths: [\'/nix/store/b-y\']"}]}',
  );
});

test('a config does not depend on the order of the keys it is made from', () => {
  const reversed = Object.fromEntries(Object.entries(input.config).reverse());
  assert.deepEqual(makeConfig({ ...input, config: reversed }), makeConfig(input));
});

test('a config fits the schema of image-spec', () => {
  assert.deepEqual(schemaErrors('config-schema', makeConfig(input)), []);
  assert.notDeepEqual(schemaErrors('config-schema', makeConfig({ ...input, created: 'yesterday' })), []);
});

test('a config keeps what a Windows platform adds', () => {
  const platform = {
    os: 'windows',
    architecture: 'amd64',
    'os.version': '10.0.1',
    'os.features': ['win32k'],
  };
  const { os, ...rest } = JSON.parse(
    Buffer.from(makeConfig({ ...input, platform })).toString(),
  ) as typeof platform;
  assert.deepEqual([os, rest['os.version'], rest['os.features']], ['windows', '10.0.1', ['win32k']]);
});

test('a platform is read and printed', () => {
  for (const text of ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7', 'linux/amd64/v3', 'linux/riscv64']) {
    assert.equal(formatPlatform(parsePlatform(text)), text);
  }
  assert.deepEqual(parsePlatform('linux/amd64'), { os: 'linux', architecture: 'amd64' });
});

test('a platform in other words than those of Go is refused with the right ones', () => {
  assert.throws(() => parsePlatform('linux/x86_64'), { ...usage, message: /write linux\/amd64$/ });
  assert.throws(() => parsePlatform('linux/aarch64'), { ...usage, message: /write linux\/arm64$/ });
});

test('what is not a platform is refused', () => {
  const wrong = [
    '',
    'linux',
    'amd64',
    '/',
    'linux/',
    'linux/amd46',
    'Linux/amd64',
    'linux/arm/',
    'linux/arm/7',
    'a/b/c/d',
  ];
  for (const text of [...wrong, 'linux/arm64/v8/x', 'linux/amd64 ', 'linux/__proto__', 'linux/constructor']) {
    assert.throws(() => parsePlatform(text), usage, text);
  }
});

test('the host platform is Linux in words of Go', () => {
  const platform = hostPlatform();
  assert.deepEqual(parsePlatform(formatPlatform(platform)), platform);
  assert.equal(platform.os, 'linux');
});

test('creation times are read in the forms of ISO 8601', () => {
  const forms: Record<string, string> = {
    '2024-01-31T10:20:30Z': '2024-01-31T10:20:30Z',
    '2024-01-31T10:20:30.120Z': '2024-01-31T10:20:30.12Z',
    '2024-01-31T10:20:30.000Z': '2024-01-31T10:20:30Z',
    '2024-01-31T10:20:30+02:00': '2024-01-31T08:20:30Z',
    '2024-01-31T23:20:30-0130': '2024-02-01T00:50:30Z',
    '2024-01-31T10:20': '2024-01-31T10:20:00Z',
    '2024-01-31 10:20:30': '2024-01-31T10:20:30Z',
    '2024-02-29': '2024-02-29T00:00:00Z',
    '20240131': '2024-01-31T00:00:00Z',
    '20240131102030': '2024-01-31T10:20:30Z',
    '20240131T102030Z': '2024-01-31T10:20:30Z',
    '0001-01-01T00:00:00Z': '0001-01-01T00:00:00Z',
  };
  for (const [text, expected] of Object.entries(forms)) assert.equal(parseCreated(text), expected, text);
});

test('the default creation time is one second after the epoch', () => {
  assert.equal(parseCreated(undefined), '1970-01-01T00:00:01Z');
});

test('"now" is the present time without fractions', () => {
  assert.equal(
    parseCreated('now', () => new Date('2024-05-06T07:08:09.999Z')),
    '2024-05-06T07:08:09Z',
  );
});

test('what is not a creation time is refused', () => {
  const wrong = [
    '',
    'yesterday',
    '2023-02-29',
    '2024-13-01',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60',
    '1700000000',
  ];
  for (const text of [
    ...wrong,
    '2024-01',
    '2024-0131',
    '2024-01-01T10:00:00+25:00',
    '0000-01-01',
    '2024-01-01Z x',
  ]) {
    assert.throws(() => parseCreated(text), usage, text);
  }
  assert.throws(() => parseCreated('0001-01-01T00:00:00+01:00'), usage);
});
