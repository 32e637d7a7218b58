import type { Command } from '../command.ts';
import { auth } from './auth.ts';
import { cache } from './cache.ts';
import { completion } from './completion.ts';
import { copy } from './copy.ts';
import { deleteCommand } from './delete.ts';
import { digest } from './digest.ts';
import { diff } from './diff.ts';
import { doctor } from './doctor.ts';
import { index } from './index-images.ts';
import { inspect } from './inspect.ts';
import { lock } from './lock.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { mirror } from './mirror.ts';
import { push } from './push.ts';
import { tags } from './tags.ts';
import { why } from './why.ts';

/** Every verb, in the order the help lists them. */
export const COMMANDS: readonly Command[] = [
  push,
  copy,
  mirror,
  index,
  inspect,
  why,
  diff,
  lock,
  tags,
  digest,
  deleteCommand,
  login,
  logout,
  auth,
  doctor,
  cache,
  completion,
];

/** The verb that is meant when none is named. */
export const DEFAULT_COMMAND: Command = push;

/** The verb that a word names, if it is one. */
export function findCommand(word: string | undefined): Command | undefined {
  return COMMANDS.find(({ name, aliases }) => name === word || aliases?.some((alias) => alias === word));
}

/** All words that are verbs. */
export function commandNames(): string[] {
  return COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
}
