import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const digest: Command = {
  name: 'digest',
  summary: 'print the digest of an image',
  positional: { name: 'ref', pattern: '<ref>', describe: 'HOST[:PORT]/REPO[:TAG] or oci:DIR[:TAG]' },
  examples: [
    { command: 'nixpush digest debian:12', purpose: 'of the index: one HEAD request' },
    { command: 'nixpush digest debian:12 --platform linux/arm64', purpose: 'of one image of it' },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        platform: { value: 'OS/ARCH[/VARIANT]', describe: 'which image of an index (default: the index)' },
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
  const { digest: findDigest } = await context.loadVerbs();
  const result = await findDigest(reference, {
    ...defined({ platform: args.text('platform') }),
    registry,
    signal: context.signal,
  });
  context.out(args.flag('json') ? jsonText(result, 2) : `${result.manifest.digest}\n`);
  return 0;
}
