import type { Command } from './command.ts';
import { commandNames, DEFAULT_COMMAND, findCommand } from './commands/index.ts';

/**
 * What the scripts ask for: what the last of `words` may become; the others stand before it, the program's name
 * left out. Empty where a file name or free text is wanted: shells then complete file names.
 */
export function candidates(words: readonly string[]): string[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  return allCandidates(before, current).filter((candidate) => candidate.startsWith(current));
}

function allCandidates(before: readonly string[], current: string): readonly string[] {
  const named = before.map(findCommand).find((command) => command !== undefined);
  const command = named ?? DEFAULT_COMMAND;
  const options = new Map(command.groups.flatMap((group) => Object.entries(group.options)));
  const last = options.get(before.at(-1)?.replace(/^--/, '') ?? '');
  if (last?.value !== undefined) return last.choices ?? last.suggestions ?? [];
  if (current.startsWith('-')) return optionNames(command, before);
  const verbs = before.length === 0 ? commandNames() : [];
  return [...verbs, ...(named?.positional.choices ?? [])];
}

/** Those that may still be given. */
function optionNames(command: Command, before: readonly string[]): string[] {
  const options = command.groups.flatMap((group) => Object.entries(group.options));
  const open = options.filter(([name, { repeat }]) => repeat || !before.includes(`--${name}`));
  return [...open.map(([name]) => `--${name}`), '--help', '--version'];
}
