import type { CliOption, Command } from './command.ts';
import { COMMANDS, DEFAULT_COMMAND } from './commands/index.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** What `nixpush --help` and `nixpush VERB --help` print; at most 100 columns wide. */
export function helpText(command: Command): string {
  const isDefault = command === DEFAULT_COMMAND;
  const sections = [
    [
      ...usageLines(command),
      '',
      isDefault
        ? 'Push Nix closures as container images: no Docker, no daemon, no tarball.'
        : `${sentence(command.summary)}.`,
    ],
    ['Examples:', ...table(command.examples.map(({ command, purpose }): Row => [command, purpose]))],
    [...argumentLines(command)],
    ...command.groups.map(({ title, options }) => [
      `${title}:`,
      ...table(
        Object.entries(options).map(([name, option]): Row => [optionUsage(name, option), optionText(option)]),
      ),
    ]),
    ...(command.notes.length > 0 ? [command.notes] : []),
    ...(isDefault ? [['Exit codes:', ...exitCodeLines()]] : []),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** `--to DEST`. */
export function optionUsage(name: string, { value }: CliOption): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

/** `nixpush [PATH…] --to DEST [OPTIONS]`. */
export function usage(command: Command): string {
  if (command === DEFAULT_COMMAND) return `nixpush ${pattern(command)} --to DEST [OPTIONS]`;
  const hasOptions = command.groups.length > 0;
  return `nixpush ${command.name} ${pattern(command)}${hasOptions ? ' [OPTIONS]' : ''}`;
}

/** The verb's own usage; with the default verb the others are listed too. */
function usageLines(command: Command): string[] {
  if (command !== DEFAULT_COMMAND) return [usage(command)];
  return table(
    COMMANDS.map((each): Row => [usage(each), each.summary]),
    0,
  );
}

function pattern({ positional }: Command): string {
  return positional.pattern.replace('..', '…').replaceAll(/\w+/g, (name) => name.toUpperCase());
}

function argumentLines({ positional }: Command): string[] {
  return ['Arguments:', ...table([[positional.name.toUpperCase(), positional.describe]])];
}

function optionText({ describe, repeat }: CliOption): string {
  return repeat ? `${describe} (repeatable)` : describe;
}

function exitCodeLines(): string[] {
  return table(EXIT_CODES.map(([code, meaning]): Row => [String(code), meaning]));
}

type Row = readonly [left: string, right: string];

function table(rows: readonly Row[], indent = 2): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${' '.repeat(indent)}${left.padEnd(width)}  ${right}`);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
