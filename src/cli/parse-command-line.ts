import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { usageError, type NixpushError } from '../base/errors.ts';
import { Arguments } from './arguments.ts';
import type { CliOption, Command } from './command.ts';
import { commandNames, COMMANDS, DEFAULT_COMMAND, findCommand } from './commands/index.ts';
import { suggest } from '../base/suggest.ts';

export interface CommandLine {
  readonly command: Command;
  readonly args: Arguments;
}

/** What to run. Throws ERR_USAGE. */
export async function parseCommandLine(argv: readonly string[]): Promise<CommandLine> {
  const { command, rest } = splitVerb(argv);
  return { command, args: readArguments(command, rest) };
}

/** The verb is the first word, flags in front of it not counted: only the verb says which other options there are. */
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

/** Name and definition of each option of a verb. */
export function optionsOf(command: Command): [string, CliOption][] {
  return command.groups.flatMap((group) => Object.entries(group.options));
}

/**
 * Node's own parser only splits: what is wrong is found here, in words that name what the user wrote. yargs, which makes
 * the shells' completion, takes longer to load than all else that an unchanged push needs.
 */
function readArguments(command: Command, argv: readonly string[]): Arguments {
  const known = new Map(optionsOf(command));
  const options = Object.fromEntries(
    [...known].map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const positionals: string[] = [];
  const values: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = known.get(token.name);
    if (option === undefined || token.rawName !== `--${token.name}`) throw unknownOption(command, token);
    const value = readOption(token, option);
    const earlier = values[token.name] as string[] | undefined;
    if (option.repeat !== true && option.value !== undefined && earlier !== undefined)
      throw usageError(`--${token.name} may be given only once`);
    values[token.name] = option.repeat === true ? [...(earlier ?? []), value] : value;
  }
  checkPositionals(command, positionals);
  return new Arguments(positionals, values);
}

interface OptionToken {
  readonly name: string;
  /** As it was written, without its value. */
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function readOption(token: OptionToken, option: CliOption): string | number | true {
  const { name, value, inlineValue } = token;
  if (option.value === undefined) {
    if (value !== undefined) throw usageError(`--${name} takes no value`);
    return true;
  }
  if (value === undefined || (inlineValue !== true && /^-./.test(value)))
    throw usageError(
      `--${name} wants a value`,
      `A value that begins with a dash is written --${name}=VALUE.`,
    );
  checkChoice(name, value, option.choices);
  return option.integer === true ? wholeNumber(name, value) : value;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw usageError(`--${name} wants a whole number from 1 up, not "${text}"`);
  }
  return value;
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const { name, pattern, choices } = command.positional;
  const words = pattern.split(' ');
  const missing = words.filter((word) => word.startsWith('<'))[given.length];
  if (missing !== undefined)
    throw usageError(`${missing.replaceAll(/\W/g, '').toUpperCase()} is missing`, seeHelp(command));
  const tooMany = pattern.includes('..') ? undefined : given[words.length];
  if (tooMany !== undefined) throw usageError(`unexpected argument "${tooMany}"`, seeHelp(command));
  for (const value of given) checkChoice(name, value, choices);
}

function checkChoice(name: string, value: string, choices: readonly string[] | undefined): void {
  if (choices === undefined || choices.includes(value)) return;
  throw usageError(`${name} cannot be "${value}"`, `Choose one of ${choices.join(', ')}.`);
}

function unknownOption(command: Command, { name, rawName }: OptionToken): NixpushError {
  const near = suggest(
    name,
    optionsOf(command).map(([known]) => known),
  );
  const hint = near === undefined ? seeHelp(command) : `Did you mean --${near}?`;
  return usageError(`unknown option ${rawName}`, hint);
}

/** The arguments that may be options: those before `--`. */
export function beforeDoubleDash(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function seeHelp(command: Command): string {
  return `See nixpush ${command === DEFAULT_COMMAND ? '' : `${command.name} `}--help.`;
}
