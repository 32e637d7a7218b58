import { namesPath } from '../../verbs/names-path.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { CLOSURE_OPTIONS } from '../closure-options.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'show an image: config, layers, store paths; or a closure',
  positional: {
    name: 'what',
    pattern: '<what>',
    describe: 'an image (HOST/REPO[:TAG], oci:DIR[:TAG], docker-archive:FILE) or a path (./result)',
  },
  examples: [
    { command: 'nixpush inspect ghcr.io/me/hello:1.0', purpose: 'a page to read' },
    { command: 'nixpush inspect ./result', purpose: 'own and closure size of each store path' },
    { command: 'nixpush inspect oci:image --sizes', purpose: 'the same for the paths in an image' },
    { command: 'nixpush inspect oci:image --json | jq .layers', purpose: 'everything, for programs' },
    { command: 'nixpush inspect alpine --platform linux/arm64', purpose: 'one image of an index' },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          describe: 'which image of an index to show (default: list them)',
        },
        sizes: { describe: 'read all layers of the image for the sizes of its store paths' },
        ...CLOSURE_OPTIONS,
      },
    },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [what = ''] = args.positionals;
  const { signal } = context;
  const { inspect: inspectImage, inspectPath } = await context.loadVerbs();
  const result = namesPath(what)
    ? await inspectPath(what, {
        ...defined({ store: args.text('store'), closure: args.text('closure') }),
        sizes: args.flag('sizes'),
        signal,
      })
    : await inspectImage(what, {
        ...defined({ platform: args.text('platform') }),
        sizes: args.flag('sizes'),
        registry: await registryAccess(args, [what], context),
        signal,
      });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { inspectText } = await import('../output/inspect-text.ts');
    context.out(inspectText(result));
  }
  return 0;
}
