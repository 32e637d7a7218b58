import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';

export const cache: Command = {
  name: 'cache',
  summary: 'show or clear what nixpush remembers on this machine',
  positional: {
    name: 'action',
    pattern: '<action>',
    describe: 'what to do',
    choices: ['info', 'clear'],
  },
  examples: [
    { command: 'nixpush cache info', purpose: 'what is there, and what for' },
    { command: 'nixpush cache clear', purpose: 'the next push finds everything out again' },
  ],
  groups: [OUTPUT_OPTIONS],
  notes: ['It lies in $XDG_CACHE_HOME/nixpush, by default ~/.cache/nixpush. Credentials are not in it.'],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const { cacheInfo, clearCache } = await context.loadVerbs();
  const isClear = args.positionals[0] === 'clear';
  const result = isClear ? await clearCache() : await cacheInfo();
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { cacheText } = await import('../output/cache-text.ts');
    context.out(cacheText(result, isClear));
  }
  return 0;
}
