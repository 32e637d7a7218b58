import { usageError } from '../../base/errors.ts';
import type { CopyResult } from '../../verbs/copy.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

export const copy: Command = {
  name: 'copy',
  aliases: ['pull'],
  summary: 'copy an image or index between registries, layouts and archives (alias: pull)',
  positional: {
    name: 'src',
    pattern: '<src>',
    describe: 'HOST[:PORT]/REPO[:TAG][@DIGEST], oci:DIR[:TAG] or docker-archive:FILE[:NAME|:@N] (- is stdin)',
  },
  examples: [
    { command: 'nixpush copy debian:12 --to ghcr.io/me/debian', purpose: 'all platforms, digest kept' },
    {
      command: 'nixpush copy debian:12 --to oci:debian --platform linux/amd64,linux/arm64',
      purpose: 'an index of two platforms',
    },
    {
      command: 'nixpush copy docker-archive:./result --to ghcr.io/me/hello:1.0',
      purpose: 'what dockerTools.buildImage made',
    },
    {
      command: './result | nixpush copy docker-archive:- --to ghcr.io/me/hello:1.0',
      purpose: 'what streamLayeredImage writes',
    },
    { command: 'nixpush pull alpine --to docker-archive:- | podman load', purpose: 'into an engine' },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        to: {
          value: 'DEST',
          repeat: true,
          describe: 'where to, written like SRC; several read each blob once. No tag means that of SRC',
        },
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          repeat: true,
          describe: 'one: that image; several, also with commas: a smaller index',
        },
        compression: {
          value: 'CODEC[:LEVEL]',
          describe: 'gzip, zstd or none, for tars from an archive (default: gzip; archive to archive: none)',
        },
        jobs: { value: 'N', integer: true, describe: 'blobs copied at a time (default: 6)' },
      },
    },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'Manifests, configs and compressed layers are copied as they are, so digests stay the same. An archive holds one',
    'image: of an index the one for --platform, by default for this machine. While an archive goes to stdout, the',
    'result goes to stderr.',
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
  const { openProgress } = await import('../progress/open-progress.ts');
  const { copyDocument } = await import('../output/copy-report.ts');
  const { reportDestinations } = await import('../output/report-destinations.ts');
  const progress = openProgress(context.stderr, context.env, {
    quiet: args.flag('quiet'),
    verbose: args.flag('verbose'),
  });
  let result: CopyResult;
  try {
    result = await copyImage(source, {
      to,
      ...defined({
        platforms: args.texts('platform'),
        compression: args.text('compression'),
        jobs: args.integer('jobs'),
      }),
      registry,
      onProgress: progress.listener,
      signal: context.signal,
    });
  } catch (error) {
    progress.stop();
    throw error;
  }
  progress.finish();
  return reportDestinations(result.destinations, () => copyDocument(result), args, context);
}
