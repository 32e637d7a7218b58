import type { Command } from '../command.ts';
import { completion } from './completion.ts';
import { inspect } from './inspect.ts';
import { push } from './push.ts';

/** Every verb, in the order the help lists them. */
export const COMMANDS: readonly Command[] = [push, inspect, completion];

/** The verb that is meant when none is named. */
export const DEFAULT_COMMAND: Command = push;
