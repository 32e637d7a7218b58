import type { RegistryClient } from '../../stores/registry/client.ts';
import type { BaseImage } from './base-image.ts';
import { plannedBaseLayers } from './base-plan.ts';
import { carryOut, type PushPlan } from './carry-out.ts';
import type { DefinitionInput } from './definition-options.ts';
import {
  openDestinations,
  type DefaultNames,
  type OpenDestinationsOptions,
} from '../destination/destination.ts';
import { openEarlier, type Earlier } from './earlier.ts';
import { plannedLayer } from './layer-plan.ts';
import { planClosure } from './plan-closure.ts';
import { Planning, type PlannedImage } from './planning.ts';
import type { PushResult } from '../push-result.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';

/** What describes the image of a closure, and what it is called. */
interface Defined {
  readonly input: DefinitionInput;
  readonly names: DefaultNames;
}

/** Plans the image of a closure, and brings it to its destinations. Throws NixpushError. */
export async function pushClosure(
  options: PushOptions & Pick<OpenDestinationsOptions, 'clients' | 'foundTags'>,
  settings: PushSettings,
  defined?: Defined,
): Promise<PushResult> {
  // Shared, so that a registry can take layers of a base image over from another repository.
  const { clients = new Map<string, RegistryClient>() } = options;
  const destinations = await openDestinations(options.to, { ...options, clients }, defined?.names);
  let base: BaseImage | undefined;
  let earlier: Earlier | undefined;
  try {
    if (options.from !== undefined) {
      const { openBaseImage } = await import('./base-image.ts');
      base = await openBaseImage(options.from, { ...options, clients, platform: settings.platform });
    }
    const platform = base?.platform ?? settings.platform;
    earlier = await openEarlier(options, settings, { destinations, platform, clients });
    const plan = await planPush(base, earlier, options, settings, defined?.input);
    options.onProgress?.({
      type: 'plan',
      layers: plan.layers,
      destinations: destinations.map(({ name }) => name),
    });
    const { images, destinations: pushed } = await carryOut([plan], destinations, options, settings);
    if (options.dryRun !== true) earlier.remember(plan.image.record);
    const { anew } = plan.image;
    return { ...images[0]!, ...(anew !== undefined && { plannedAnew: anew }), destinations: pushed };
  } finally {
    await earlier?.close();
    await base?.store.close();
    await Promise.all(destinations.map((destination) => destination.store.close()));
  }
}

export async function planPush(
  base: BaseImage | undefined,
  earlier: Earlier,
  options: PushOptions,
  settings: PushSettings,
  definition?: DefinitionInput,
): Promise<PushPlan> {
  const planning = new Planning(options, settings, base, earlier);
  const image =
    definition === undefined ? await planClosure(planning) : await planDefined(definition, planning);
  const layers = [...(base === undefined ? [] : plannedBaseLayers(base)), ...image.layers.map(plannedLayer)];
  return {
    base,
    platform: base?.platform ?? settings.platform,
    created: settings.created,
    annotations: base === undefined ? options.annotations : { ...base.annotations, ...options.annotations },
    image,
    layers,
  };
}

async function planDefined(definition: DefinitionInput, planning: Planning): Promise<PlannedImage> {
  const { planDefinition } = await import('./plan-definition.ts');
  return planDefinition(definition, planning);
}
