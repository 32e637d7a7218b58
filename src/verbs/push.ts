import { readImageInput } from '../definitions/image-input.ts';
import { treeLocation } from '../nix/tree-location.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { DefinitionInput } from './push/definition-options.ts';
import { openPushMemory } from './push/push-memory.ts';
import type { PushOptions } from './push/push-options.ts';
import { checkOptions, type PushSettings } from './push/push-settings.ts';
import type { PushResult } from './push-result.ts';

/**
 * Pushes the closure of store paths as an image, or the image that the one path is or describes. Nothing is visible at
 * a destination before all of it is there: the tags move last. A destination that fails is reported in the result while
 * the others go on; if all fail, the first one's error is thrown. Throws NixpushError.
 */
export async function push(options: PushOptions): Promise<PushResult> {
  const settings = checkOptions(options);
  const { signal, store } = options;
  const looking = { trees: treeLocation(store), ...(signal && { signal }) };
  const input = await readImageInput(options.paths ?? [], looking);
  switch (input.kind) {
    case 'store-paths':
      return options.profile === true
        ? pushDefinition(await profileDefinition(input.roots), options)
        : pushStorePaths({ ...options, paths: input.roots }, settings);
    case 'definition':
      return pushDefinition(input, options);
    case 'stream-config':
    case 'nix2container':
    case 'docker-archive': {
      const { pushDescribed } = await import('./push/push-described.ts');
      return pushDescribed(input, options, settings);
    }
  }
}

/** Loaded late is what plans and makes images: a push that was made before, and is still there, needs none of it. */
async function pushStorePaths(options: PushOptions, settings: PushSettings): Promise<PushResult> {
  const memory = await openPushMemory(options, settings);
  const again = await memory?.again(options);
  if (again !== undefined) return again;
  const { pushClosure } = await import('./push/push-closure.ts');
  if (memory === undefined) return pushClosure(options, settings);
  const clients = new Map<string, RegistryClient>();
  const onProgress = memory.listener(options.onProgress);
  const { foundTags } = memory;
  const result = await pushClosure({ ...options, clients, foundTags, onProgress }, settings);
  memory.keep(result, clients);
  return result;
}

async function pushDefinition(input: DefinitionInput, options: PushOptions): Promise<PushResult> {
  const { definitionNames, definitionOptions } = await import('./push/definition-options.ts');
  const defined = definitionOptions(input, options);
  const { pushClosure } = await import('./push/push-closure.ts');
  return pushClosure(defined, checkOptions(defined), { input, names: await definitionNames(input) });
}

async function profileDefinition(roots: readonly string[]): Promise<DefinitionInput> {
  const { profileOf } = await import('./push/definition-options.ts');
  return profileOf(roots);
}
