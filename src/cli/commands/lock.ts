import type { LockResult } from '../../verbs/lock.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const lock: Command = {
  name: 'lock',
  summary: 'keep digests of base images in a file, see which moved',
  positional: {
    name: 'ref',
    pattern: '[ref..]',
    describe: 'HOST[:PORT]/REPO[:TAG]; all images that the file has if left out',
  },
  examples: [
    { command: 'nixpush lock debian:12 ghcr.io/me/base:1', purpose: 'add them to nixpush.lock' },
    { command: 'nixpush lock', purpose: 'bring all up to date' },
    { command: 'nixpush lock --check', purpose: 'exit code 1 if a tag has moved' },
    { command: 'nixpush lock debian:12 --nix', purpose: 'for dockerTools.pullImage, with its hash' },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        file: { value: 'FILE', describe: 'the lock file (default: nixpush.lock)' },
        check: { describe: 'write nothing; exit code 1 if a tag has moved or is not in the file' },
        nix: { describe: "print what nixpkgs' dockerTools.pullImage wants; downloads the image" },
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          describe: 'which image of an index --nix is about (default: linux on this CPU)',
        },
      },
    },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'The file is JSON with sorted names: commit it. nixpush --from REF --lock FILE takes digests from it.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const references = args.positionals;
  const registry = await registryAccess(args, references, context);
  const { lock: lockImages } = await context.loadVerbs();
  const { withDisplay } = await import('../progress/display.ts');
  const { openProgress } = await import('../progress/open-progress.ts');
  const result = await withDisplay(openProgress, args, context, (onProgress) =>
    lockImages(references, {
      ...defined({ file: args.text('file'), platform: args.text('platform') }),
      check: args.flag('check'),
      pullImage: args.flag('nix'),
      registry,
      onProgress,
      signal: context.signal,
    }),
  );
  return report(result, args, context);
}

async function report(result: LockResult, args: Arguments, context: CliContext): Promise<number> {
  const { changeLines, lockedLines, nixText } = await import('../output/lock-text.ts');
  const check = args.flag('check');
  const changes = changeLines(result, check);
  if (args.flag('json')) context.out(jsonText(result, 2));
  else if (args.flag('nix')) context.out(nixText(result));
  else if (!check) context.out(lockedLines(result));
  // What a check has found is its result; else it is news beside the result.
  const isResult = check && !args.flag('json') && !args.flag('nix');
  if (isResult) context.out(changes);
  else if (check || !args.flag('quiet')) context.stderr.write(changes);
  return check && changes !== '' ? 1 : 0;
}
