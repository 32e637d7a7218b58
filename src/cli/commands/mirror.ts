import { usageError } from '../../base/errors.ts';
import type { MirrorOptions, MirrorSpec } from '../../verbs/mirror/mirror-options.ts';
import type { RegistryAccess } from '../../verbs/registry-access.ts';
import { defined, type Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command, type CliOption } from '../command.ts';
import { PUSH_REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';

const FILTER_OPTIONS: Readonly<Record<string, CliOption>> = {
  tag: { value: 'GLOB', repeat: true, describe: 'tags like this: 1.2*, *-alpine; a tag alone is one' },
  semver: { value: 'RANGE', repeat: true, describe: 'versions in this range: ">=1.2 <2", "~1.4"' },
  regex: { value: 'REGEX', repeat: true, describe: 'tags in which this is found: "^v[0-9]+$"' },
  exclude: { value: 'GLOB', repeat: true, describe: 'no tags like this, whatever else takes them' },
  newest: { value: 'N', integer: true, describe: 'of what is left only the N highest versions' },
};

export const mirror: Command = {
  name: 'mirror',
  summary: 'bring repositories up to date with others, many images at once',
  positional: {
    name: 'src',
    pattern: '[src]',
    describe: 'the repository to mirror, HOST[:PORT]/REPO or oci:DIR, without a tag',
  },
  examples: [
    {
      command: 'nixpush mirror debian --to ghcr.io/me/debian --tag "12*"',
      purpose: 'tags by pattern',
    },
    {
      command: 'nixpush mirror nginx --to oci:nginx --semver ">=1.25" --newest 3',
      purpose: 'three versions',
    },
    { command: 'nixpush mirror --file mirror.yaml --dry-run', purpose: 'what would be copied' },
    {
      command: 'nixpush mirror --file mirror.yaml --prune',
      purpose: 'and remove what upstream dropped',
    },
  ],
  groups: [
    {
      title: 'Options',
      options: {
        to: { value: 'DEST', describe: 'the repository to bring up to date, written like SRC' },
        file: { value: 'FILE', describe: 'many repositories, in YAML: see docs/mirroring.md' },
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          repeat: true,
          describe: 'one: that image; several: a smaller index',
        },
        prune: { describe: 'remove tags at DEST that the filters take and SRC has no more' },
        'prune-limit': {
          value: 'N%',
          describe: 'remove none if it were more of them than this (default: 10%)',
        },
        shard: { value: 'I/N', describe: 'only part I of N of the images, I from 0' },
        recheck: { describe: 'look at everything at DEST, whatever earlier runs have done' },
        jobs: { value: 'N', integer: true, describe: 'images copied at a time (default: 4)' },
        'dry-run': { describe: 'print what would be copied and removed; write nothing' },
      },
    },
    { title: 'Tags (default: all)', options: FILTER_OPTIONS },
    PUSH_REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'Of one kind of filter any will do, of several kinds each must agree. Signatures and whatever else',
    'is attached to an image come along. An image that an earlier run completed costs one request.',
    'Images that were copied are printed on stdout; if one fails, the others go on.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const { images, registry } = await specsOf(args, context);
  const options = await optionsOf(args);
  const { mirror: mirrorImages } = await context.loadVerbs();
  const { withDisplay } = await import('../progress/display.ts');
  const { openMirrorProgress } = await import('../progress/mirror-progress.ts');
  const { reportMirror } = await import('../output/mirror-report.ts');
  const result = await withDisplay(openMirrorProgress, args, context, (onProgress) =>
    mirrorImages(images, { ...options, registry, onProgress, signal: context.signal }),
  );
  return reportMirror(result, args, context);
}

interface Specs {
  readonly images: readonly MirrorSpec[];
  readonly registry: RegistryAccess;
}

async function specsOf(args: Arguments, context: CliContext): Promise<Specs> {
  const file = args.text('file');
  const [from] = args.positionals;
  if (file === undefined && from === undefined)
    throw usageError('nothing to mirror', 'Name a repository and --to, or a file with --file.');
  return file === undefined ? fromOptions(from!, args, context) : fromFile(file, args, context);
}

async function fromOptions(from: string, args: Arguments, context: CliContext): Promise<Specs> {
  const to = args.text('to');
  if (to === undefined)
    throw usageError('no destination', 'Say where to mirror to with --to HOST/REPO or --to oci:DIR.');
  const { tagSelector } = await import('../../verbs/mirror/tag-filter.ts');
  const tags = defined({
    glob: args.texts('tag'),
    semver: args.texts('semver'),
    regex: args.texts('regex'),
    exclude: args.texts('exclude'),
    newest: args.integer('newest'),
  });
  await tagSelector(tags, (part) => `--${/\w+/.exec(part)![0].replace('glob', 'tag')}`);
  return {
    images: [{ from, to, tags, ...defined({ platforms: args.texts('platform') }) }],
    registry: await registryAccess(args, [from, to], context),
  };
}

async function fromFile(file: string, args: Arguments, context: CliContext): Promise<Specs> {
  const excess = ['to', 'platform', ...Object.keys(FILTER_OPTIONS)].find((name) => args.has(name));
  if (excess !== undefined || args.positionals.length > 0)
    throw usageError(
      `--file does not go with ${excess === undefined ? 'SRC' : `--${excess}`}`,
      'Everything about the images stands in the file.',
    );
  const { readMirrorFile } = await context.loadVerbs();
  const { images, registry } = await readMirrorFile(file, context.env);
  const given = await registryAccess(
    args,
    images.flatMap(({ from, to }) => [from, to]),
    context,
  );
  return {
    images,
    registry: {
      ...given,
      logins: { ...registry.logins, ...given.logins },
      insecure: [...(registry.insecure ?? []), ...(given.insecure ?? [])],
    },
  };
}

async function optionsOf(args: Arguments): Promise<MirrorOptions> {
  const limit = args.text('prune-limit');
  const shard = args.text('shard');
  if (limit !== undefined && !args.flag('prune')) throw usageError('--prune-limit wants --prune too');
  const { parsePruneLimit } = await import('../../verbs/mirror/prune-limit.ts');
  const { parseShard } = await import('../../verbs/mirror/shard.ts');
  return {
    dryRun: args.flag('dry-run'),
    recheck: args.flag('recheck'),
    prune: args.flag('prune'),
    ...defined({
      pruneLimit: limit === undefined ? undefined : parsePruneLimit(limit),
      shard: shard === undefined ? undefined : parseShard(shard),
      jobs: args.integer('jobs'),
    }),
  };
}
