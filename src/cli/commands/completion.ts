import { basename } from 'node:path';
import type { Arguments } from '../arguments.ts';
import type { CliContext, Command } from '../command.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

export const completion: Command = {
  name: 'completion',
  summary: 'print the script that makes the shell complete nixpush',
  positional: {
    name: 'shell',
    pattern: '[shell]',
    choices: SHELLS,
    describe: 'bash, zsh or fish (default: from $SHELL)',
  },
  examples: [
    { command: 'source <(nixpush completion bash)', purpose: 'in this shell' },
    { command: 'nixpush completion zsh > ~/.zfunc/_nixpush', purpose: 'for good, in a directory of $fpath' },
  ],
  groups: [],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const current = basename(context.env['SHELL'] ?? '');
  const shell = args.positionals[0] ?? (SHELLS.includes(current) ? current : 'bash');
  const { completionScript } = await import('../shell-completion.ts');
  context.out(await completionScript(shell));
  return 0;
}
