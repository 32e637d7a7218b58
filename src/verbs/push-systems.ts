import type { Descriptor } from '../image/descriptor.ts';
import { makeIndex, type EncodedManifest } from '../image/manifest.ts';
import type { RegistryClient } from '../stores/registry/client.ts';
import type { BaseImage } from './push/base-image.ts';
import { carryOut, type PushPlan } from './push/carry-out.ts';
import { failOnAbort, openDestinations, type Destination } from './destination/destination.ts';
import { openEarlier, type Earlier } from './push/earlier.ts';
import type { ImageResult, PushedDestination } from './push-result.ts';
import { planPush } from './push/push-closure.ts';
import type { PushSystemsOptions } from './push/push-options.ts';
import {
  checkSystems,
  openBase,
  warningsNamed,
  withDefinition,
  type SystemPush,
} from './push/system-push.ts';

export interface PushSystemsResult {
  /** The index; undefined after a dry run. */
  manifest?: Descriptor;
  images: readonly PushedImage[];
  destinations: readonly PushedDestination[];
}

/** One image of the index. */
export interface PushedImage extends ImageResult {
  system: string;
}

/**
 * Pushes closures for several systems as one multi-platform image. All are planned before a byte moves; then come the
 * images, without tags, and last the index with the tags: whoever sees a tag can read all of it. A layer that several
 * images have is made and sent once. Annotations are put on the images and on the index. A destination that fails is
 * reported in the result while the others go on; if all fail, the first one's error is thrown. Throws NixpushError.
 */
export async function pushSystems(options: PushSystemsOptions): Promise<PushSystemsResult> {
  const pushes = await Promise.all(checkSystems(options).map(withDefinition));
  const clients = new Map<string, RegistryClient>();
  const destinations = await openDestinations(options.to, { ...options, clients });
  const stopListening = failOnAbort(destinations, options.signal);
  const bases: BaseImage[] = [];
  const earliers: Earlier[] = [];
  try {
    const planned: PlannedSystem[] = [];
    for (const push of pushes) {
      const first = planned.find(({ options: { from } }) => from === push.options.from)?.plan.base;
      const base = await openBase(push, first, clients);
      if (base !== undefined) bases.push(base);
      const platform = base?.platform ?? push.settings.platform;
      const earlier = await openEarlier(push.options, push.settings, { destinations, platform, clients });
      earliers.push(earlier);
      const plan = await planPush(base, earlier, warningsNamed(push), push.settings, push.definition);
      planned.push({ ...push, earlier, plan });
    }
    const result = await pushPlanned(planned, destinations, options);
    if (options.dryRun !== true) for (const { earlier, plan } of planned) earlier.remember(plan.image.record);
    return result;
  } finally {
    stopListening();
    await Promise.all(earliers.map((earlier) => earlier.close()));
    await Promise.all([...bases, ...destinations].map(({ store }) => store.close()));
  }
}

interface PlannedSystem extends SystemPush {
  readonly earlier: Earlier;
  readonly plan: PushPlan;
}

async function pushPlanned(
  planned: readonly PlannedSystem[],
  destinations: readonly Destination[],
  options: PushSystemsOptions,
): Promise<PushSystemsResult> {
  const plans = planned.map(({ plan }) => plan);
  const names = destinations.map(({ name }) => name);
  options.onProgress?.({ type: 'plan', layers: plans.flatMap(({ layers }) => layers), destinations: names });
  const indexOf = (manifests: readonly Descriptor[]): EncodedManifest =>
    makeIndex({
      manifests: manifests.map((manifest, at) => ({ ...manifest, platform: plans[at]!.platform })),
      ...(options.annotations !== undefined && { annotations: options.annotations }),
    });
  const { settings } = planned[0]!;
  const { root, ...carriedOut } = await carryOut(plans, destinations, options, settings, indexOf);
  return {
    ...(root !== undefined && { manifest: root }),
    images: carriedOut.images.map((image, at) => ({ system: planned[at]!.system, ...image })),
    destinations: carriedOut.destinations,
  };
}
