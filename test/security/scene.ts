import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NixpushError } from '../../src/base/errors.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../src/image/media-types.ts';
import { startFaultRegistry, type FaultRegistry, type RegistryQuirks } from '../../src/testing/index.ts';
import type { PushOptions } from '../../src/verbs/push/push-options.ts';
import { exampleDirectory, examplePath } from '../support/example.ts';
import type { TestServer } from '../support/server.ts';

export const USER = 'ada';
export const PASSWORD = 'hunter2-hunter2';
export const REPOSITORY = 'x/demo';

/** Gives what fails a second chance at once or never: no test waits. */
export const IMPATIENT = { maxWaitMs: 0 };

export function digestOf(bytes: Uint8Array | string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function registry(t: TestContext, quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const started = await startFaultRegistry(quirks);
  t.after(() => started.stop());
  return started;
}

/** A push of the example that remembers nothing. */
export function examplePush(to: string, more: Partial<PushOptions> = {}): PushOptions {
  return {
    paths: [examplePath],
    store: join(exampleDirectory, 'store'),
    closure: join(exampleDirectory, 'closure.json'),
    platform: 'linux/amd64',
    noCache: true,
    to: [to],
    ...more,
  };
}

/** The manifest of an image of one config and one layer. */
export function manifestOf(
  config: Uint8Array,
  layer: Uint8Array,
  more: object = {},
): Record<string, unknown> {
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.byteLength },
    layers: [{ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.byteLength }],
    ...more,
  };
}

export const CONFIG: Buffer = Buffer.from(
  JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } }),
);
export const LAYER: Buffer = Buffer.from('not much of a layer');

/** Puts a manifest, and what an honest one refers to, into a registry. Returns its digest. */
export function plant(
  into: FaultRegistry,
  manifest: unknown = manifestOf(CONFIG, LAYER),
  mediaType: string = OCI_MANIFEST,
): `sha256:${string}` {
  const held = into.repository(REPOSITORY);
  const bytes = Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  for (const blob of [CONFIG, LAYER]) held.blobs.set(digestOf(blob), blob);
  held.manifests.set(digestOf(bytes), { mediaType, bytes });
  held.tags.set('latest', digestOf(bytes));
  return digestOf(bytes);
}

/** Fails as a NixpushError that ends the program with this code, and says this. */
export async function failsWith(work: Promise<unknown>, exitCode: number, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof NixpushError, `${String(error)} is not one of ours`);
    assert.match(error.message, message);
    assert.equal(exitCodeOf(error), exitCode, error.message);
    return true;
  });
}

/** Nobody showed this server a secret of any kind. */
export function sawNoSecret(server: Pick<TestServer, 'requests'>): void {
  for (const { headers, url } of server.requests) {
    assert.equal(headers.authorization, undefined, url);
    assert.equal(headers.cookie, undefined, url);
  }
}
