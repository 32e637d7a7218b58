import { cacheDirectory } from '../../base/cache-directory.ts';
import { openClosureSource } from '../../nix/open-source.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import {
  checkDescribedOptions,
  openDescribedImage,
  planDescribedImage,
  type DescribedImage,
  type DescribedInput,
} from './described-image.ts';
import { openDestinations } from '../destination/destination.ts';
import { openEarlier, type Earlier } from './earlier.ts';
import type { PushResult } from '../push-result.ts';
import type { PushSettings } from './push-settings.ts';
import { carryOut } from './carry-out.ts';
import type { PushOptions } from './push-options.ts';

/** Pushes an image that another program has laid out, as it is. Throws NixpushError. */
export async function pushDescribed(
  input: DescribedInput,
  options: PushOptions,
  settings: PushSettings,
): Promise<PushResult> {
  checkDescribedOptions(options, input.name);
  const source = openClosureSource(options, options.noCache === true ? undefined : cacheDirectory());
  const image = await openDescribedImage(input, source, options.signal);
  try {
    return await pushOpened(image, options, settings);
  } finally {
    await image.close();
  }
}

async function pushOpened(
  image: DescribedImage,
  options: PushOptions,
  settings: PushSettings,
): Promise<PushResult> {
  const clients = new Map<string, RegistryClient>();
  const destinations = await openDestinations(options.to, { ...options, clients }, image.names);
  let earlier: Earlier | undefined;
  try {
    const { platform } = image;
    earlier = await openEarlier(options, settings, { destinations, platform, clients });
    const plan = await planDescribedImage(image, options, settings, earlier.reused);
    const names = destinations.map(({ name }) => name);
    options.onProgress?.({ type: 'plan', layers: plan.layers, destinations: names });
    const { images, destinations: pushed } = await carryOut([plan], destinations, options, settings);
    return { ...images[0]!, destinations: pushed };
  } finally {
    await earlier?.close();
    await Promise.all(destinations.map((destination) => destination.store.close()));
  }
}
