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
  context.out(await completionScript(shell));
  return 0;
}

/** The script that makes a shell ask nixpush for candidates. `shell` is bash, zsh or fish. */
async function completionScript(shell: string): Promise<string> {
  // yargs looks at $SHELL for the language of the script, and lets nobody say it.
  process.env['SHELL'] = shell;
  const { default: yargs } = await import('yargs');
  return new Promise((resolve, reject) => {
    const done = (error: Error | undefined | null, _values: unknown, script: string): void => {
      if (error) reject(error);
      else resolve(`${script.trimEnd()}\n`);
    };
    const parser = yargs().scriptName('nixpush').detectLocale(false).exitProcess(false).version(false);
    void parser.completion('completion').parse(['completion'], {}, done);
  });
}
