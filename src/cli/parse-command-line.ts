import { existsSync } from 'node:fs';
import { NixpushError, usageError } from '../base/errors.ts';
import { Arguments } from './arguments.ts';
import type { CliOption, Command } from './command.ts';
import { commandNames, COMMANDS, DEFAULT_COMMAND, findCommand } from './commands/index.ts';
import { suggest } from '../base/suggest.ts';
import type { Argv, Options } from 'yargs';

export interface CommandLine {
  readonly command: Command;
  readonly args: Arguments;
}

/** What to run. Throws ERR_USAGE. */
export async function parseCommandLine(argv: readonly string[]): Promise<CommandLine> {
  refuseValuesOfFlags(argv);
  const { command, rest } = splitVerb(argv);
  let values: Record<string, unknown> = {};
  const parser = await buildParser(command, (parsed) => (values = parsed));
  await parse(parser, rest);
  return { command, args: toArguments(command, values) };
}

/**
 * The verb is the first word, flags in front of it not counted. yargs could find it too, but it would take the verb
 * behind a flag for the flag's value, as it learns only from the verb which options are flags.
 */
function splitVerb(argv: readonly string[]): { command: Command; rest: readonly string[] } {
  const flags = flagNames();
  const at = argv.findIndex((token) => !flags.has(token.replace(/^--/, '')) || !token.startsWith('--'));
  const command = findCommand(argv[at]);
  if (command !== undefined) return { command, rest: argv.toSpliced(at, 1) };
  refuseMisspeltVerb(argv[at]);
  return { command: DEFAULT_COMMAND, rest: argv };
}

/** As push is the verb when none is named, a misspelt verb looks like one of its paths. */
function refuseMisspeltVerb(word: string | undefined): void {
  if (word === undefined || !/^[a-z]+$/.test(word) || existsSync(word)) return;
  const near = suggest(word, commandNames());
  if (near !== undefined)
    throw usageError(`"${word}" is neither a verb nor a path`, `Did you mean nixpush ${near}?`);
}

function flagNames(): ReadonlySet<string> {
  const options = COMMANDS.flatMap(optionsOf);
  return new Set(options.flatMap(([name, { value }]) => (value === undefined ? [name] : [])));
}

async function buildParser(
  command: Command,
  onParsed: (values: Record<string, unknown>) => void,
): Promise<Argv> {
  const { default: yargs } = await import('yargs');
  const parser = yargs()
    .scriptName('nixpush')
    // The messages are matched below, so they must not follow LANG.
    .detectLocale(false)
    .exitProcess(false)
    .showHelpOnFail(false)
    // `--help` and `--version` are answered before yargs is loaded.
    .help(false)
    .version(false)
    .strict()
    .parserConfiguration({
      'greedy-arrays': false,
      'boolean-negation': false,
      'dot-notation': false,
      'camel-case-expansion': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    });
  return parser.command(
    `$0 ${command.positional.pattern}`,
    command.summary,
    (builder) => withOptions(builder, command),
    onParsed,
  );
}

function withOptions(builder: Argv, command: Command): Argv {
  const { name, describe, choices } = command.positional;
  builder.positional(name, { type: 'string', describe, ...(choices !== undefined && { choices }) });
  for (const [option, definition] of optionsOf(command)) {
    builder.option(option, yargsOption(option, definition));
  }
  return builder;
}

/** Name and definition of each option of a verb. */
export function optionsOf(command: Command): [string, CliOption][] {
  return command.groups.flatMap((group) => Object.entries(group.options));
}

function yargsOption(name: string, option: CliOption): Options {
  const { value, repeat, integer, choices, describe } = option;
  if (value === undefined) return { type: 'boolean', describe };
  if (repeat) return { type: 'string', array: true, requiresArg: true, describe };
  const coerce = (given: string | string[] | undefined): unknown => {
    if (Array.isArray(given)) throw usageError(`--${name} may be given only once`);
    return integer && given !== undefined ? wholeNumber(name, given) : given;
  };
  // Choices belong to the completion too; yargs checks them after `coerce`.
  return {
    type: 'string',
    requiresArg: true,
    describe,
    coerce,
    ...(choices === undefined ? {} : { choices }),
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw usageError(`--${name} wants a whole number from 1 up, not "${text}"`);
  }
  return value;
}

function toArguments(command: Command, values: Record<string, unknown>): Arguments {
  const names = command.positional.pattern.match(/\w+/g) ?? [];
  const named = names.flatMap((name) => (values[name] as string | string[] | undefined) ?? []);
  // What stands behind `--` is left in `_`.
  const rest = (values['_'] as (string | number)[]).map(String);
  return new Arguments([...named, ...rest], values);
}

async function parse(parser: Argv, argv: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done = (error: Error | undefined | null): void => {
      if (error) reject(error instanceof NixpushError ? error : usageError(...explain(error.message, argv)));
      else resolve();
    };
    void parser.parse([...argv], {}, done);
  });
}

/** yargs reads `--json=3` as false. */
function refuseValuesOfFlags(argv: readonly string[]): void {
  const flags = flagNames();
  for (const token of beforeDoubleDash(argv)) {
    const name = /^--([^=]+)=/.exec(token)?.[1];
    if (name !== undefined && flags.has(name)) throw usageError(`--${name} takes no value`);
  }
}

/** The arguments that may be options: those before `--`. */
export function beforeDoubleDash(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

const SEE_HELP = 'See nixpush --help.';

/** A message of yargs in words that name what the user wrote. */
function explain(message: string, argv: readonly string[]): [message: string, hint: string] {
  const lacking = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (lacking !== undefined) {
    return [`--${lacking} wants a value`, `A value that begins with a dash is written --${lacking}=VALUE.`];
  }
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1];
  if (unknown !== undefined) return explainUnknown(unknown, argv);
  const choice = /Argument: (\S+), Given: (.+), Choices: (.+)$/.exec(message);
  if (choice !== null) return [`${choice[1]} cannot be ${choice[2]}`, `Choose one of ${choice[3]}.`];
  if (message.startsWith('Not enough non-option arguments')) return ['an argument is missing', SEE_HELP];
  return [message.trim().replaceAll(/\s*\n\s*/g, ' '), SEE_HELP];
}

function explainUnknown(unknown: string, argv: readonly string[]): [message: string, hint: string] {
  const options = beforeDoubleDash(argv).filter((token) => token.startsWith('-'));
  const token = options
    .map((option) => option.split('=', 1)[0] ?? '')
    .find((option) => {
      return option === `--${unknown}` || (/^-[^-]/.test(option) && option.includes(unknown));
    });
  if (token === undefined) return [`unexpected argument "${unknown}"`, SEE_HELP];
  const names = [...new Set(COMMANDS.flatMap(optionsOf).map(([name]) => name))];
  const near = suggest(unknown, names);
  return [`unknown option ${token}`, near === undefined ? SEE_HELP : `Did you mean --${near}?`];
}
