import { usageError } from '../base/errors.ts';
import type { SystemPaths } from '../verbs/push/push-options.ts';
import type { Arguments } from './arguments.ts';

/** What `--system SYSTEM=PATH` says, by system in the order of their first mention; undefined if it was not given. Throws ERR_USAGE. */
export function systemsFrom(args: Arguments): SystemPaths[] | undefined {
  const texts = args.texts('system');
  if (texts === undefined) return undefined;
  const [path] = args.positionals;
  if (path !== undefined)
    throw usageError(
      `with --system every path belongs to a system, but ${path} does not`,
      `Write --system x86_64-linux=${path}.`,
    );
  if (args.has('platform'))
    throw usageError('--system and --platform exclude each other', 'The system says the platform.');
  const systems = new Map<string, string[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 1 || equals === text.length - 1)
      throw usageError(
        `--system ${text}: a system or a path is missing`,
        'Write --system aarch64-linux=PATH.',
      );
    const system = text.slice(0, equals);
    systems.set(system, [...(systems.get(system) ?? []), text.slice(equals + 1)]);
  }
  return [...systems].map(([system, paths]) => ({ system, paths }));
}
