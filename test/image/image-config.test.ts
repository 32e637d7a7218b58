import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  imageConfigFromFlags,
  parseCommand,
  parsePairs,
  type ConfigFlags,
} from '../../src/image/config-flags.ts';
import { checkImageConfig, mergeImageConfig, parseImageConfig } from '../../src/image/image-config.ts';

const usage = { name: 'NixpushError', code: 'ERR_USAGE' };
const format = { name: 'NixpushError', code: 'ERR_FORMAT' };

test('keys that nixpush does not know are kept verbatim', () => {
  const config = {
    Healthcheck: { Test: ['CMD', 'x'], Interval: 1e9 },
    Shell: ['/bin/sh'],
    OnBuild: [],
    x: null,
  };
  assert.deepEqual(checkImageConfig(config, 'config.json'), config);
});

test('a key named like a property of every object is kept as data', () => {
  const config = parseImageConfig('{"__proto__": {"Cmd": ["x"]}, "constructor": 1}', 'config.json');
  assert.deepEqual(Object.keys(config), ['__proto__', 'constructor']);
  assert.equal(config['Cmd'], undefined);
});

test('known keys in another case get their own spelling, as programs in Go read them', () => {
  assert.deepEqual(checkImageConfig({ cmd: ['x'], WORKINGDIR: '/' }, 'c'), { Cmd: ['x'], WorkingDir: '/' });
});

test('a known key in two spellings is refused', () => {
  assert.throws(() => checkImageConfig({ cmd: ['x'], Cmd: ['y'] }, 'c'), {
    ...format,
    message: /Cmd is there twice/,
  });
});

test('null says that a known key is not set', () => {
  assert.deepEqual(checkImageConfig({ Cmd: null, Labels: null, User: null }, 'c'), {
    Cmd: null,
    Labels: null,
    User: null,
  });
});

const wrong: [key: string, value: unknown, expected: string][] = [
  ['Cmd', 'hello', 'a list of strings like ["/bin/hello"]'],
  ['Cmd', [1], 'a list of strings like ["/bin/hello"]'],
  ['Cmd', ['a\0b'], 'a list of strings like ["/bin/hello"]'],
  ['Entrypoint', {}, 'a list of strings like ["/bin/hello"]'],
  ['Env', { A: '1' }, 'a list of KEY=VALUE strings'],
  ['Env', ['A'], 'a list of KEY=VALUE strings'],
  ['Env', ['=1'], 'a list of KEY=VALUE strings'],
  ['User', 1000, 'a string like "1000:1000"'],
  ['WorkingDir', 'data', 'an absolute path'],
  ['Labels', { a: 1 }, 'an object of strings'],
  ['Labels', ['a=1'], 'an object of strings'],
  ['ExposedPorts', ['80'], 'an object like {"80/tcp": {}}'],
  ['ExposedPorts', { '80/icmp': {} }, 'an object like {"80/tcp": {}}'],
  ['ExposedPorts', { '70000': {} }, 'an object like {"80/tcp": {}}'],
  ['ExposedPorts', { '80': null }, 'an object like {"80/tcp": {}}'],
  ['Volumes', { data: {} }, 'an object of absolute paths like {"/data": {}}'],
  ['StopSignal', 15, 'a signal like "SIGTERM"'],
  ['StopSignal', 'TERM!', 'a signal like "SIGTERM"'],
  ['ArgsEscaped', 'yes', 'true or false'],
];
for (const [key, value, expected] of wrong) {
  test(`${key} = ${JSON.stringify(value)} is refused with one line that names the key and what is expected`, () => {
    const message = `my.json: ${key} must be ${expected}`;
    assert.throws(() => checkImageConfig({ [key]: value }, 'my.json'), { ...format, message });
  });
}

test('a config file that is not an object, or not JSON, is refused', () => {
  assert.throws(() => parseImageConfig('[]', 'my.json'), {
    ...format,
    message: /^my\.json must be an object/,
  });
  assert.throws(() => parseImageConfig('', 'my.json'), { ...format, message: /^my\.json is not JSON/ });
});

test('the message about broken JSON does not quote the file, which may hold a secret', () => {
  const text = '{"Env": ["TOKEN=hunter2" oops]}';
  assert.throws(
    () => parseImageConfig(text, 'my.json'),
    (error: Error) =>
      !`${error.message} ${String(error.cause)}`.includes('hunter2') && error.message.includes('position'),
  );
});

test('merging joins Env, Labels, ports and volumes key by key and replaces the rest', () => {
  const file = {
    Env: ['A=1', 'B=2'],
    Labels: { a: '1', b: '2' },
    ExposedPorts: { '80/tcp': {} },
    Volumes: { '/a': {} },
    Cmd: ['file'],
    User: 'file',
  };
  const flags = {
    Env: ['C=3', 'A=9'],
    Labels: { b: '3' },
    ExposedPorts: { '53/udp': {} },
    Volumes: { '/b': {} },
    Cmd: ['flag', 'x'],
  };
  assert.deepEqual(mergeImageConfig(file, flags), {
    Env: ['A=9', 'B=2', 'C=3'],
    Labels: { a: '1', b: '3' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: { '/a': {}, '/b': {} },
    Cmd: ['flag', 'x'],
    User: 'file',
  });
});

test('merging takes a list or map whole where the other side has none', () => {
  assert.deepEqual(mergeImageConfig({ Env: null }, { Env: ['A=1'] }), { Env: ['A=1'] });
  assert.deepEqual(mergeImageConfig({ Labels: { a: '1' } }, {}), { Labels: { a: '1' } });
});

test('every config flag becomes its key', () => {
  const config = imageConfigFromFlags({
    cmd: '["a", "b c"]',
    entrypoint: '/bin/x',
    env: ['A=1', 'B=x=y', 'A=2'],
    workdir: '/data',
    user: '1000',
    label: ['k=v', 'empty='],
    expose: ['80', '53/udp'],
    volume: ['/data'],
    stopSignal: 'SIGINT',
  });
  assert.deepEqual(config, {
    Cmd: ['a', 'b c'],
    Entrypoint: ['/bin/x'],
    Env: ['A=2', 'B=x=y'],
    WorkingDir: '/data',
    User: '1000',
    Labels: { k: 'v', empty: '' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: { '/data': {} },
    StopSignal: 'SIGINT',
  });
});

test('flags that are not given make no keys', () => {
  assert.deepEqual(imageConfigFromFlags({}), {});
});

test('an empty command is an empty list', () => {
  assert.deepEqual(parseCommand('', '--cmd'), []);
  assert.deepEqual(parseCommand('[]', '--cmd'), []);
});

test('a command of several words is refused with the JSON to write', () => {
  assert.throws(() => parseCommand('hello -g  hi', '--cmd'), {
    ...usage,
    hint: `Write the command as a JSON list: --cmd '["hello","-g","hi"]'`,
  });
});

const wrongFlags: ConfigFlags[] = [
  { cmd: '["a", 1]' },
  { entrypoint: '["a"' },
  { env: ['A'] },
  { env: ['=x'] },
  { label: ['a'] },
  { expose: ['http'] },
  { expose: ['0'] },
  { expose: ['80-90'] },
  { volume: ['data'] },
  { workdir: 'data' },
  { stopSignal: 'stop' },
];
for (const flags of wrongFlags) {
  test(`the flag ${JSON.stringify(flags)} is refused as a usage error`, () => {
    assert.throws(() => imageConfigFromFlags(flags), usage);
  });
}

test('a value without a key is not repeated in the message, since it may be a secret', () => {
  assert.throws(
    () => parsePairs(['=hunter2'], '--env'),
    (error: Error) => !error.message.includes('hunter2'),
  );
});
