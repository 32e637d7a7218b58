import { formatPlatform } from '../../image/platform.ts';
import type { Digest } from '../../base/digest.ts';
import type { Platform } from '../../image/descriptor.ts';
import type { EarlierPlan } from '../../layers/plan/earlier-plan.ts';
import { cacheDirectory } from '../../base/cache-directory.ts';
import type { RegistryClient } from '../../stores/registry/client.ts';
import type { Destination } from '../destination/destination.ts';
import { PushHistory, type PushedPlace } from './push-history.ts';
import type { PushSettings } from './push-settings.ts';
import type { PushOptions } from './push-options.ts';
import type { openReuse, Reuse, ReusedLayer } from './reuse.ts';

/** What earlier pushes left behind. */
export interface Earlier {
  /** Layers of the images that `--reuse` names, by recipe. */
  readonly reused: ReadonlyMap<Digest, ReusedLayer>;
  /** How the first of these images was planned; without any, the last one pushed to a destination from here. */
  readonly plan: EarlierPlan | undefined;
  /** For the next push: to be called when the image is at its destinations. */
  remember(plan: EarlierPlan): void;
  close(): Promise<void>;
}

export interface EarlierOptions {
  readonly destinations: readonly Destination[];
  /** Of the image. */
  readonly platform: Platform;
  readonly clients: Map<string, RegistryClient>;
}

/** Throws what reading an image that `--reuse` names throws. */
export async function openEarlier(
  options: PushOptions,
  { codec: { mediaType } }: PushSettings,
  { destinations, platform, clients }: EarlierOptions,
): Promise<Earlier> {
  const { reuse = [], noCache } = options;
  const reading = { ...options, platform, clients, mediaType };
  const reused = reuse.length === 0 ? NOTHING : await openReused(reuse, destinations, reading);
  const history = noCache === true ? undefined : new PushHistory(cacheDirectory());
  const places = (): PushedPlace[] =>
    destinations
      .filter(({ error }) => error === undefined)
      .flatMap((destination) => placesOf(destination, platform));
  return {
    reused: reused.layers,
    plan: reused.plan ?? firstOf(places(), (place) => history?.last(place)),
    remember: (latest) => {
      for (const place of places()) history?.remember(place, latest);
    },
    close: () => reused.close(),
  };
}

const NOTHING: Reuse = { layers: new Map(), plan: undefined, close: async () => undefined };

/** Loaded only if it is asked for. */
async function openReused(...args: Parameters<typeof openReuse>): Promise<Reuse> {
  return (await import('./reuse.ts')).openReuse(...args);
}

function placesOf({ store, tags }: Destination, platform: Platform): PushedPlace[] {
  // A directory's name says only together with where it is seen from which one it is.
  const repository = store.registry === undefined ? `${store.name} in ${process.cwd()}` : store.name;
  const names = tags.length > 0 ? tags : [undefined];
  return names.map((tag) => ({ repository, tag, platform: formatPlatform(platform) }));
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
