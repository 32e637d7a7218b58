import { usageError } from '../../base/errors.ts';
import { annotationsFrom } from '../annotations.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { PUSH_REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const index: Command = {
  name: 'index',
  summary: 'one multi-platform image of images for each platform',
  positional: {
    name: 'ref',
    pattern: '<ref..>',
    describe: 'an image or index, wherever: HOST/REPO[:TAG][@DIGEST], oci:DIR[:TAG], docker-archive:FILE',
  },
  examples: [
    {
      command: 'nixpush index ghcr.io/me/x:1-amd64 ghcr.io/me/x:1-arm64 --to ghcr.io/me/x:1',
      purpose: 'no layer is sent',
    },
    {
      command: 'nixpush index oci:amd64 oci:arm64 --to ghcr.io/me/x',
      purpose: 'copied along',
    },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        to: { value: 'DEST', repeat: true, describe: 'HOST[:PORT]/REPO[:TAG] or oci:DIR[:TAG]' },
        annotation: { value: 'KEY=VALUE', repeat: true, describe: 'annotation of the index' },
      },
    },
    PUSH_REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'Platforms are read from the configs of the images; of an index its images are taken. Two images for',
    'one platform are refused. Entries stand in the order given, so equal images give an equal digest.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const to = args.texts('to') ?? [];
  if (to.length === 0)
    throw usageError('no destination', 'Say where the index goes with --to HOST/REPO:TAG or --to oci:DIR.');
  const references = args.positionals;
  const registry = await registryAccess(args, [...references, ...to], context);
  const annotations = await annotationsFrom(args);
  const { index: makeIndex } = await context.loadVerbs();
  const { withDisplay } = await import('../progress/display.ts');
  const { openProgress } = await import('../progress/open-progress.ts');
  const result = await withDisplay(openProgress, args, context, (onProgress) =>
    makeIndex(references, {
      to,
      registry,
      ...defined({ annotations }),
      onProgress,
      signal: context.signal,
    }),
  );
  const { indexDocument } = await import('../output/index-report.ts');
  const { reportDestinations } = await import('../output/report-destinations.ts');
  return reportDestinations(result.destinations, () => indexDocument(result), args, context);
}
