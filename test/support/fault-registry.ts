import type { TestContext } from 'node:test';
import { RegistryClient } from '../../src/stores/registry/client.ts';
import type { Clock } from '../../src/stores/registry/clock.ts';
import { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import type { UploadPolicy } from '../../src/stores/registry/upload/upload-task.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';

export const REPOSITORY = 'x/demo';

/** Everything small, so that a blob of some 100 KB goes through all that one of some GB does. */
export const SMALL_UPLOADS: Partial<UploadPolicy> = {
  monolithicBytes: 8 * 1024,
  chunkBytes: 64 * 1024,
  smallestChunkBytes: 1024,
  pieceBytes: 4 * 1024,
};

/** Sleeping takes no time, but the clock goes on. */
export class FastClock implements Clock {
  readonly sleeps: number[] = [];
  /** Called after each. */
  onSleep: () => void = () => undefined;
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.sleeps.push(milliseconds);
    this.#ahead += milliseconds;
    this.onSleep();
  }

  random(): number {
    return 0.5;
  }
}

export interface Scene {
  readonly registry: FaultRegistry;
  readonly store: RegistryStore;
  readonly clock: FastClock;
}

/** A scripted registry and a store that speaks to it; both end with the test. */
export async function scene(
  t: Pick<TestContext, 'after'>,
  quirks: RegistryQuirks = {},
  uploads: Partial<UploadPolicy> = {},
): Promise<Scene> {
  const registry = await startFaultRegistry(quirks);
  t.after(() => registry.stop());
  const clock = new FastClock();
  const store = storeAt(t, registry.host, { clock, ...uploads });
  return { registry, store, clock };
}

export function storeAt(
  t: Pick<TestContext, 'after'>,
  host: string,
  uploads: Partial<UploadPolicy> = {},
  repository: string = REPOSITORY,
  cacheDirectory?: string,
): RegistryStore {
  const { clock = new FastClock() } = uploads;
  const client = new RegistryClient({ host, clock });
  const store = new RegistryStore({
    client,
    repository,
    uploads: { ...SMALL_UPLOADS, ...uploads, clock },
    cacheDirectory,
  });
  t.after(() => store.close());
  return store;
}
