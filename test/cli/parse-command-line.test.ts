import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NixpushError } from '../../src/base/errors.ts';
import type { Arguments } from '../../src/cli/arguments.ts';
import { commandNames, COMMANDS } from '../../src/cli/commands/index.ts';
import { imageConfigFrom } from '../../src/cli/config-options.ts';
import { helpText } from '../../src/cli/help.ts';
import { parseCommandLine } from '../../src/cli/parse-command-line.ts';
import { parseSize } from '../../src/cli/size.ts';
import { candidates } from '../../src/cli/completion-candidates.ts';

async function argumentsOf(...argv: string[]): Promise<Arguments> {
  return (await parseCommandLine(argv)).args;
}

describe('the parser', () => {
  test('takes push for the verb when none is named', async () => {
    const { command, args } = await parseCommandLine(['./result', '--to', 'ghcr.io/me/x']);
    assert.equal(command.name, 'push');
    assert.deepEqual(args.positionals, ['./result']);
  });

  test('finds a verb behind options', async () => {
    const { command, args } = await parseCommandLine(['--json', 'inspect', 'alpine']);
    assert.equal(command.name, 'inspect');
    assert.deepEqual(args.positionals, ['alpine']);
    assert.equal(args.flag('json'), true);
  });

  test('leaves paths behind a repeatable option alone', async () => {
    const args = await argumentsOf('--to', 'a', './one', '--to', 'b', './two');
    assert.deepEqual(args.texts('to'), ['a', 'b']);
    assert.deepEqual(args.positionals, ['./one', './two']);
  });

  test('takes everything behind -- for paths, with and without the verb', async () => {
    assert.deepEqual((await argumentsOf('a', '--', '--json', 'push')).positionals, ['a', '--json', 'push']);
    assert.deepEqual((await argumentsOf('push', 'a', '--', '-b')).positionals, ['a', '-b']);
  });

  test('keeps texts that look like numbers', async () => {
    const args = await argumentsOf('1.10', '0x10', '--user', '0123', '--label', 'v=1e5');
    assert.deepEqual(args.positionals, ['1.10', '0x10']);
    assert.equal(args.text('user'), '0123');
    assert.deepEqual(args.texts('label'), ['v=1e5']);
  });

  test('takes --no-links and --no-cache for flags of their own', async () => {
    const args = await argumentsOf('--no-links', '--no-cache');
    assert.equal(args.flag('no-links'), true);
    assert.equal(args.flag('no-cache'), true);
  });

  test('reads numbers', async () => {
    const args = await argumentsOf('--jobs', '3', '--max-layers=40');
    assert.equal(args.integer('jobs'), 3);
    assert.equal(args.integer('max-layers'), 40);
    assert.equal((await argumentsOf('x')).integer('jobs'), undefined);
  });

  const wrong: [argv: string[], message: RegExp, hint?: RegExp][] = [
    [['--jobs', '0'], /--jobs wants a whole number/],
    [['--jobs', 'many'], /--jobs wants a whole number.*"many"/],
    [['--jobs', '1e3'], /--jobs wants a whole number/],
    [['--jobs', ''], /--jobs wants a whole number/],
    [['--jobs', '1', '--jobs', '2'], /--jobs may be given only once/],
    [['--store', 'a', '--store', 'b'], /--store may be given only once/],
    [['--to'], /--to wants a value/, /--to=VALUE/],
    [['--cmd', '-g'], /--cmd wants a value/, /--cmd=VALUE/],
    [['--json=yes'], /--json takes no value/],
    [['--jbos', '1'], /unknown option --jbos/, /--jobs/],
    [['--env.A=b'], /unknown option --env\.A/],
    [['--no-json'], /unknown option --no-json/],
    [['-z'], /unknown option -z/],
    [['--upload-mode', 'best'], /upload-mode cannot be "best"/, /stream.*chunk/],
    [['inspect'], /^WHAT is missing$/, /^See nixpush inspect --help\.$/],
    [['why', 'a'], /^PATH is missing$/],
    [['index', '--to', 'a'], /^REF is missing$/],
    [['inspect', 'a', 'b'], /unexpected argument "b"/],
    [['inspect', 'a', '--to', 'b'], /unknown option --to/, /^See nixpush inspect --help\.$/],
    [['tags', 'a', '--plattform', 'b'], /unknown option --plattform/, /^See nixpush tags --help\.$/],
    [['completion', 'tcsh'], /shell cannot be "tcsh"/],
  ];
  for (const [argv, message, hint] of wrong) {
    test(`refuses ${argv.join(' ')}`, async () => {
      await assert.rejects(parseCommandLine(argv), (error: NixpushError) => {
        assert.equal(error.code, 'ERR_USAGE');
        assert.match(error.message, message);
        if (hint !== undefined) assert.match(error.hint ?? '', hint);
        return true;
      });
    });
  }
});

describe('a size', () => {
  for (const [text, bytes] of [
    ['4194304', 4_194_304],
    ['500k', 512_000],
    ['16M', 2 ** 24],
    ['16MiB', 2 ** 24],
    ['2gb', 2 ** 31],
  ] as const) {
    test(`of ${text} is ${bytes} bytes`, () => assert.equal(parseSize(text, '--chunk-size'), bytes));
  }

  for (const text of ['', '0', '-1', '1.5M', 'M', '5T', '16 M']) {
    test(`cannot be ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseSize(text, '--chunk-size'), { code: 'ERR_USAGE' }));
  }
});

describe('the config flags', () => {
  test('add up over --cmd, words and JSON lists alike', async () => {
    const args = await argumentsOf('--cmd', 'hello', '--cmd=-g', '--cmd', '["a b","c"]');
    assert.deepEqual(await imageConfigFrom(args), { Cmd: ['hello', '-g', 'a b', 'c'] });
  });

  test('give no config at all when none is there', async () => {
    assert.equal(await imageConfigFrom(await argumentsOf('./result')), undefined);
  });

  test('refuse a file that is not there', async () => {
    const args = await argumentsOf('--config', '/nowhere/config.json');
    await assert.rejects(imageConfigFrom(args), { code: 'ERR_NOT_FOUND', path: '/nowhere/config.json' });
  });
});

describe('the help', () => {
  for (const command of COMMANDS) {
    test(`of ${command.name} fits on 100 columns and two screens`, () => {
      const lines = helpText(command).split('\n');
      assert.deepEqual(
        lines.filter((line) => line.length > 100),
        [],
      );
      assert.ok(lines.length <= 96, `${lines.length} lines`);
    });

    test(`of ${command.name} names each of its options, and the parser takes its examples`, async () => {
      const text = helpText(command);
      for (const name of command.groups.flatMap((group) => Object.keys(group.options))) {
        assert.ok(text.includes(`  --${name}`), name);
      }
      for (const example of command.examples) {
        const words = /nixpush (?<words>[^)|>]*)/.exec(example.command)?.groups?.['words'] ?? '';
        const argv = words
          .trim()
          .split(' ')
          .map((word) => word.replaceAll("'", ''));
        assert.equal((await parseCommandLine(argv)).command, command, example.command);
      }
    });
  }
});

describe('completion', () => {
  const table: [words: string[], expected: string[]][] = [
    [['ins'], ['inspect']],
    [[''], commandNames()],
    [['--comp'], ['--compression']],
    [['inspect', '--pl'], ['--platform']],
    [
      ['--layers', ''],
      ['expected', 'auto', 'popularity'],
    ],
    [['--layers', 'p'], ['popularity']],
    [['--store', 'x'], []],
    [['completion', 'z'], ['zsh']],
    [['--json', '--js'], []],
    [
      ['--to', 'a', '--t'],
      ['--to', '--tar-format', '--trust-token-server'],
    ],
    [['./res'], []],
  ];
  for (const [words, expected] of table) {
    test(`of "${words.join(' ')}" offers ${expected.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(candidates(words), expected);
    });
  }
});
