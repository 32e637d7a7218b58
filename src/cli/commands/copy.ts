import { usageError } from '../../base/errors.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { PUSH_REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const copy: Command = {
  name: 'copy',
  aliases: ['pull'],
  summary: 'copy images between registries, layouts, archives (alias: pull)',
  positional: {
    name: 'src',
    pattern: '<src>',
    describe: 'HOST[:PORT]/REPO[:TAG][@DIGEST], oci:DIR[:TAG] or docker-archive:FILE[:NAME] (- is stdin)',
  },
  examples: [
    { command: 'nixpush copy debian:12 --to ghcr.io/me/debian', purpose: 'the same digest' },
    {
      command: 'nixpush copy debian --to oci:image --platform linux/amd64,linux/arm64',
      purpose: 'a smaller index',
    },
    {
      command: 'nixpush copy docker-archive:result --to ghcr.io/me/hello',
      purpose: "dockerTools' buildImage",
    },
    {
      command: './result | nixpush copy docker-archive:- --to ghcr.io/me/hello',
      purpose: 'streamLayeredImage',
    },
    { command: 'nixpush pull alpine --to docker-archive:- | podman load', purpose: 'into an engine' },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        to: { value: 'DEST', repeat: true, describe: 'written like SRC; without a tag it takes that of SRC' },
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          repeat: true,
          describe: 'one: that image; several: a smaller index',
        },
        compression: {
          value: 'CODEC[:LEVEL]',
          describe: 'of tars in an archive: gzip, zstd or none (default: gzip)',
        },
        referrers: { describe: 'take along signatures, SBOMs and what else is attached to the image' },
        jobs: { value: 'N', integer: true, describe: 'blobs copied at a time (default: 12)' },
      },
    },
    PUSH_REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'Manifests, configs and compressed layers are copied as they are, so digests stay the same. An',
    'archive holds one image: of an index the one for --platform, by default for this machine. While an',
    'archive goes to stdout, the result goes to stderr. A pipe is kept in a temporary file while it is',
    'read.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const to = args.texts('to') ?? [];
  if (to.length === 0) {
    throw usageError(
      'no destination',
      'Say where to copy with --to HOST/REPO:TAG, oci:DIR or docker-archive:FILE.',
    );
  }
  const [source = ''] = args.positionals;
  const registry = await registryAccess(args, [source, ...to], context);
  const { copy: copyImage } = await context.loadVerbs();
  const { withDisplay } = await import('../progress/display.ts');
  const { openProgress } = await import('../progress/open-progress.ts');
  const { copyDocument } = await import('../output/copy-report.ts');
  const { reportDestinations } = await import('../output/report-destinations.ts');
  const result = await withDisplay(openProgress, args, context, (onProgress) =>
    copyImage(source, {
      to,
      ...defined({
        platforms: args.texts('platform'),
        compression: args.text('compression'),
        jobs: args.integer('jobs'),
      }),
      referrers: args.flag('referrers'),
      registry,
      onProgress,
      signal: context.signal,
    }),
  );
  return reportDestinations(result.destinations, () => copyDocument(result), args, context);
}
