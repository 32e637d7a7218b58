import { namesPath } from '../../verbs/names-path.ts';
import { defined, type Arguments } from '../arguments.ts';
import { LOOK_OPTIONS, lookOptions, TAR_FORMAT_OPTION } from '../closure-options.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const diff: Command = {
  name: 'diff',
  summary: 'compare two images or closures, and what would move',
  positional: {
    name: 'from',
    pattern: '<from> <to>',
    describe: 'each an image (HOST/REPO[:TAG], oci:DIR[:TAG]) or a path (./result, .#hello)',
  },
  examples: [
    { command: 'nixpush diff ghcr.io/me/hello:1.0 ./result', purpose: 'what a push would move, and why' },
    {
      command: 'nixpush diff ghcr.io/me/hello:1.0 ghcr.io/me/hello:1.1',
      purpose: 'what changed between two',
    },
  ],
  groups: [
    { ...LOOK_OPTIONS, options: { ...LOOK_OPTIONS.options, ...TAR_FORMAT_OPTION } },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: ['No layer is read: the store paths in an image are those that its history names.'],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [from = '', to = ''] = args.positionals;
  const images = [from, to].filter((text) => !namesPath(text));
  const registry = await registryAccess(args, images, context);
  const { diff: compare } = await context.loadVerbs();
  const result = await compare(from, to, {
    ...lookOptions(args),
    ...defined({ tarFormat: args.text('tar-format') }),
    registry,
    signal: context.signal,
  });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { diffText } = await import('../output/diff-text.ts');
    context.out(diffText(result));
  }
  return 0;
}
