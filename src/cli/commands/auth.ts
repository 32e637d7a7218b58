import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';

export const auth: Command = {
  name: 'auth',
  summary: 'say which credentials would be used, and where they are',
  positional: {
    name: 'address',
    pattern: '<address>',
    describe: 'HOST[:PORT] or HOST[:PORT]/REPO: some logins are for a part of a registry only',
  },
  examples: [{ command: 'nixpush auth ghcr.io/me/hello', purpose: 'never shows a secret, asks no registry' }],
  groups: [OUTPUT_OPTIONS],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const { auth: explain } = await context.loadVerbs();
  const result = await explain(args.positionals[0] ?? '', { signal: context.signal });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { authText } = await import('../output/auth-text.ts');
    context.out(authText(result));
  }
  return 0;
}
