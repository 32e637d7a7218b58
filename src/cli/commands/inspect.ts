import type { Arguments } from '../arguments.ts';
import { defined } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'show config, layers and store paths of an image',
  positional: { name: 'ref', pattern: '<ref>', describe: 'HOST[:PORT]/REPO[:TAG][@DIGEST] or oci:DIR[:TAG]' },
  examples: [
    { command: 'nixpush inspect ghcr.io/me/hello:1.0', purpose: 'a page to read' },
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
      },
    },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [reference = ''] = args.positionals;
  const registry = await registryAccess(args, [reference], context);
  const { inspect: inspectImage } = await context.loadVerbs();
  const result = await inspectImage(reference, {
    ...defined({ platform: args.text('platform') }),
    registry,
    signal: context.signal,
  });
  if (args.flag('json')) {
    context.out(jsonText(result, 2));
  } else {
    const { inspectText } = await import('../output/inspect-text.ts');
    context.out(inspectText(result));
  }
  return 0;
}
