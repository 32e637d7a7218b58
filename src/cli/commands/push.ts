import { usageError } from '../../base/errors.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import type { ProgressListener } from '../../verbs/progress.ts';
import type { PushResult } from '../../verbs/push-result.ts';
import type { PushSystemsResult } from '../../verbs/push-systems.ts';
import type { PushOptions } from '../../verbs/push/push-options.ts';
import type { RegistryAccess } from '../../verbs/registry-access.ts';
import { annotationsFrom } from '../annotations.ts';
import { defined, type Arguments } from '../arguments.ts';
import { CLOSURE_OPTIONS, TAR_FORMAT_OPTION } from '../closure-options.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { CONFIG_OPTIONS, imageConfigFrom } from '../config-options.ts';
import { PUSH_REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';
import { systemsFrom } from '../systems.ts';

export const push: Command = {
  name: 'push',
  summary: 'push Nix closures as a container image',
  positional: {
    name: 'path',
    pattern: '[path..]',
    describe: 'store path, link into the store (default ./result), .#installable, or image definition',
  },
  examples: [
    { command: 'nixpush --to ghcr.io/me/hello', purpose: './result as ghcr.io/me/hello:latest' },
    { command: 'nixpush .#hello --to ghcr.io/me/hello:1.0', purpose: 'build, then push' },
    {
      command: 'nixpush ./result --to oci:image --cmd \'["hello","-t"]\'',
      purpose: 'into an OCI image layout, no registry',
    },
    {
      command: 'nixpush ./result --from debian:12 --to ghcr.io/me/hello',
      purpose: 'on top of a base image',
    },
    { command: 'nixpush ./result --dry-run', purpose: 'show the layers, send nothing' },
    { command: 'docker run $(nixpush --to localhost:5000/hello)', purpose: 'stdout is HOST/REPO@sha256:…' },
  ],
  groups: [
    {
      title: 'Where from, where to',
      options: {
        to: {
          value: 'DEST',
          repeat: true,
          describe: 'HOST[:PORT]/REPO[:TAG], oci:DIR[:TAG] or docker-archive:FILE[:NAME]',
        },
        from: {
          value: 'REF',
          describe: 'base image: HOST/REPO[:TAG][@DIGEST], oci:DIR[:TAG] or docker-archive:FILE',
        },
        lock: { value: 'FILE', describe: 'take the digest of --from from this file of nixpush lock' },
        ...CLOSURE_OPTIONS,
      },
    },
    {
      title: 'Layers',
      options: {
        platform: {
          value: 'OS/ARCH[/VARIANT]',
          describe: 'platform of the image (default: linux on this CPU)',
        },
        system: {
          value: 'SYSTEM=PATH',
          repeat: true,
          describe: 'one image for several systems, in place of PATHs',
        },
        'max-layers': {
          value: 'N',
          integer: true,
          describe: 'layers at most, base image and root layer counted (default: 100)',
        },
        layers: {
          value: 'STRATEGY|FILE',
          suggestions: ['expected', 'auto', 'popularity'],
          describe: 'who shares a layer: expected (default), auto, popularity or a file',
        },
        'layer-weights': { value: 'FILE', describe: 'JSON: how often packages change, for expected' },
        compression: { value: 'CODEC[:LEVEL]', describe: 'gzip, zstd or none (default: gzip)' },
        ...TAR_FORMAT_OPTION,
        jobs: { value: 'N', integer: true, describe: 'layers worked on at a time (default: 4)' },
        reuse: {
          value: 'REF',
          repeat: true,
          describe: 'earlier image to take layers from (auto: the same tag)',
        },
        'no-cache': { describe: 'make every layer again, whatever earlier pushes found out' },
        profile: { describe: 'links at /run/profile, PATH set: as export-profile for FROM scratch' },
        'no-links': { describe: 'leave out the root layer: links at / to the programs of the PATHs' },
      },
    },
    {
      title: 'Image config and manifest',
      options: {
        ...CONFIG_OPTIONS,
        annotation: { value: 'KEY=VALUE', repeat: true, describe: 'annotation of the manifest' },
        created: { value: 'TIME', describe: 'ISO 8601 or now (default: 1970-01-01T00:00:01Z)' },
      },
    },
    PUSH_REGISTRY_OPTIONS,
    {
      title: OUTPUT_OPTIONS.title,
      options: {
        'dry-run': { describe: 'print the plan and send nothing; --to is not needed' },
        ...OUTPUT_OPTIONS.options,
      },
    },
  ],
  notes: ['Logins: those of nixpush login, docker, podman, skopeo. With a dash in front: --option=VALUE.'],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const to = args.texts('to') ?? [];
  if (to.length === 0 && !args.flag('dry-run')) {
    throw usageError(
      'no destination',
      'Say where to push with --to HOST/REPO:TAG or --to oci:DIR, or look at the plan with --dry-run.',
    );
  }
  const from = args.text('from');
  const systems = systemsFrom(args);
  const sources = [...(from === undefined ? [] : [from]), ...namedReuse(args)];
  const registry = await registryAccess(args, [...sources, ...to], context);
  const config = await imageConfigFrom(args);
  const annotations = await annotationsFrom(args);
  const { push: pushImage, pushSystems } = await context.loadVerbs();
  const { withDisplay } = await import('../progress/display.ts');
  const { openProgress } = await import('../progress/open-progress.ts');
  const { signal } = context;
  type Result = PushResult | PushSystemsResult;
  const result = await withDisplay(openProgress, args, context, async (onProgress): Promise<Result> => {
    const options = optionsFrom(args, { to, registry, config, annotations, onProgress, signal });
    return systems === undefined ? pushImage(options) : pushSystems({ ...options, systems });
  });
  return report(result, args, context);
}

interface Prepared {
  to: readonly string[];
  registry: RegistryAccess;
  config: ImageConfig | undefined;
  annotations: Record<string, string> | undefined;
  onProgress: ProgressListener;
  signal: AbortSignal;
}

function optionsFrom(args: Arguments, prepared: Prepared): PushOptions {
  const { to, onProgress, signal } = prepared;
  return {
    to,
    registry: prepared.registry,
    ...defined({
      paths: args.positionals.length === 0 ? undefined : args.positionals,
      from: args.text('from'),
      lock: args.text('lock'),
      store: args.text('store'),
      closure: args.text('closure'),
      platform: args.text('platform'),
      maxLayers: args.integer('max-layers'),
      layers: args.text('layers'),
      layerWeights: args.text('layer-weights'),
      reuse: args.texts('reuse'),
      compression: args.text('compression'),
      tarFormat: args.text('tar-format'),
      jobs: args.integer('jobs'),
      created: args.text('created'),
      config: prepared.config,
      annotations: prepared.annotations,
    }),
    noLinks: args.flag('no-links'),
    profile: args.flag('profile'),
    dryRun: args.flag('dry-run'),
    noCache: args.flag('no-cache'),
    onProgress,
    signal,
  };
}

/** Images by name; `auto` stands for places that are destinations. */
function namedReuse(args: Arguments): string[] {
  return (args.texts('reuse') ?? []).filter((reference) => reference !== 'auto');
}

async function report(
  result: PushResult | PushSystemsResult,
  args: Arguments,
  context: CliContext,
): Promise<number> {
  const { planTable, pushDocument } = await import('../output/push-report.ts');
  const { pushSystemsDocument, systemPlanTables } = await import('../output/push-systems-report.ts');
  const severalSystems = 'images' in result;
  if (args.flag('dry-run') && !args.flag('json')) {
    context.out(severalSystems ? systemPlanTables(result) : planTable(result));
    return 0;
  }
  const { reportDestinations } = await import('../output/report-destinations.ts');
  const document = (): object => (severalSystems ? pushSystemsDocument(result) : pushDocument(result));
  return reportDestinations(result.destinations, document, args, context);
}
