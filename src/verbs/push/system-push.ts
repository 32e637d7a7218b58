import type { Digest } from '../../base/digest.ts';
import { usageError } from '../../base/errors.ts';
import { readImageInput } from '../../definitions/image-input.ts';
import { platformOfSystem } from '../../image/nix-system.ts';
import { formatPlatform } from '../../image/platform.ts';
import { treeLocation } from '../../nix/tree-location.ts';
import { formatReference, parseReference } from '../../stores/reference.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import { openBaseImage, type BaseImage } from './base-image.ts';
import type { DefinitionInput } from './definition-options.ts';
import { checkIndexDestinations } from '../index-images.ts';
import type { ProgressListener } from '../progress.ts';
import type { PushOptions, PushSystemsOptions } from './push-options.ts';
import { checkOptions, type PushSettings } from './push-settings.ts';

/** What is asked for one system. */
export interface SystemPush {
  readonly system: string;
  readonly options: PushOptions;
  readonly settings: PushSettings;
  readonly definition?: DefinitionInput;
}

/** Everything that can be wrong with the options, before anything is read or asked. Throws ERR_USAGE. */
export function checkSystems({ systems, ...options }: PushSystemsOptions): SystemPush[] {
  if (options.to.length > 0 || options.dryRun !== true) checkIndexDestinations(options.to);
  const names = systems.map(({ system }) => system);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw usageError(`the system ${twice} is there twice`);
  return systems.map(({ system, paths }) => {
    const platform = formatPlatform(platformOfSystem(system));
    const push: PushOptions = { ...options, paths, platform };
    return { system, options: push, settings: checkOptions(push) };
  });
}

/** The push of what its one path describes, if it does. */
export async function withDefinition(push: SystemPush): Promise<SystemPush> {
  const { paths = [], store, signal, profile } = push.options;
  const input = await readImageInput(paths, { trees: treeLocation(store), ...(signal && { signal }) });
  if (input.kind === 'store-paths' && profile !== true)
    return { ...push, options: { ...push.options, paths: input.roots } };
  const { definitionOptions, profileOf } = await import('./definition-options.ts');
  const definition = input.kind === 'store-paths' ? profileOf(input.roots) : input;
  if (definition.kind !== 'definition')
    throw usageError(
      `${definition.name} is an image already, which --system cannot plan`,
      'Push it by itself, and put the images together with nixpush index.',
    );
  const options = definitionOptions(definition, push.options);
  return { ...push, options, settings: checkOptions(options), definition };
}

/** The base image for one platform. The first look-up decides which one it is, should its tag move in between. */
export async function openBase(
  { options, settings: { platform } }: SystemPush,
  first: BaseImage | undefined,
  clients: Map<string, RegistryClient>,
): Promise<BaseImage | undefined> {
  if (options.from === undefined) return undefined;
  const from = first === undefined ? options.from : pinned(options.from, first);
  return openBaseImage(from, { ...options, clients, platform });
}

function pinned(from: string, { reference }: BaseImage): string {
  const parsed = parseReference(from);
  if (parsed.transport === 'docker-archive' || parsed.digest !== undefined) return from;
  const digest = reference.slice(reference.lastIndexOf('@') + 1) as Digest;
  return formatReference({ ...parsed, tag: parsed.tag ?? 'latest', digest });
}

/** Who reads a warning must know which of the images it is about. */
export function warningsNamed({ system, options }: SystemPush): PushOptions {
  const { onProgress } = options;
  if (onProgress === undefined) return options;
  const named: ProgressListener = (event) =>
    onProgress(event.type === 'warning' ? { ...event, message: `${system}: ${event.message}` } : event);
  return { ...options, onProgress: named };
}
