import { namesPath } from '../../verbs/names-path.ts';
import type { Arguments } from '../arguments.ts';
import { LOOK_OPTIONS, lookOptions } from '../closure-options.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const why: Command = {
  name: 'why',
  summary: 'show what pulls a store path into a closure or an image',
  positional: {
    name: 'what',
    pattern: '<what> <path>',
    describe: 'a path (./result, .#hello) or an image, all of which is read; then what to look for',
  },
  examples: [
    { command: 'nixpush why ./result openssl', purpose: 'the chain of references, by name' },
    { command: 'nixpush why ghcr.io/me/hello:1.0 glibc', purpose: 'in an image, whoever made it' },
  ],
  groups: [LOOK_OPTIONS, REGISTRY_OPTIONS, OUTPUT_OPTIONS],
  notes: ['PATH is a store path, a name (openssl-3.0.7), one without version (openssl), or a part of one.'],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [where = '', wanted = ''] = args.positionals;
  const registry = await registryAccess(args, namesPath(where) ? [] : [where], context);
  const { why: explain } = await context.loadVerbs();
  const result = await explain(where, wanted, {
    ...lookOptions(args),
    registry,
    signal: context.signal,
  });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { whyText } = await import('../output/why-text.ts');
    context.out(whyText(result));
  }
  return 0;
}
