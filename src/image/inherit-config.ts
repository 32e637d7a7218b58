import { canonicalKeys, mergeImageConfig, type ImageConfig } from './image-config.ts';

/**
 * The config of an image made on a base, as Dockerfile's FROM has it: Env, Labels, ExposedPorts and Volumes are joined
 * key by key, the base's first; every other key is the base's unless given, whatever it is called. With an Entrypoint
 * of its own an image does not take the base's Cmd, which was meant for another program. OnBuild is not inherited: its
 * instructions are for the build that follows FROM. `given` is checked; the base's values are taken as they are,
 * but those that are null or have the wrong form for joining are as if absent.
 */
export function inheritConfig(base: ImageConfig, given: ImageConfig): ImageConfig {
  const { OnBuild: _, ...inherited } = usableConfig(base);
  if (given['Entrypoint'] !== undefined) delete inherited['Cmd'];
  return mergeImageConfig(inherited, given);
}

/** A base's config as it can be inherited: keys spelt canonically, what says nothing left out. */
export function usableConfig(base: ImageConfig): ImageConfig {
  const entries = Object.entries(canonicalKeys(base)).flatMap(([key, value]) => {
    const usable = usableValue(key, value);
    return usable === undefined || usable === null ? [] : [[key, usable] as const];
  });
  return Object.fromEntries(entries);
}

function usableValue(key: string, value: unknown): unknown {
  switch (key) {
    case 'Env':
      // A name alone, which Docker once wrote for a variable to be unset, has no meaning in an image.
      return listOfStrings(value)?.filter((variable) => variable.indexOf('=') > 0);
    case 'Cmd':
    case 'Entrypoint': {
      const command = listOfStrings(value);
      return command?.length === 0 ? undefined : command;
    }
    case 'Labels':
    case 'ExposedPorts':
    case 'Volumes':
      return typeof value === 'object' && !Array.isArray(value) ? value : undefined;
    default:
      return value;
  }
}

function listOfStrings(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}
