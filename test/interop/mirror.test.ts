import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RegistryClient } from '../../src/stores/registry/client.ts';
import { RegistryStore } from '../../src/stores/registry/registry-store.ts';
import { baseTar, putBaseImage } from '../support/base-images.ts';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { madeBytes } from '../support/made-source.ts';
import { nixpush, startNixpush } from '../support/nixpush.ts';
import { needs } from '../support/peers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const isLong = process.env['NIXPUSH_LONG_TESTS'] !== undefined;
interface Size {
  readonly repositories: number;
  /** Of each repository. */
  readonly tags: number;
}
const SMALL: Size = { repositories: 6, tags: 5 };
const LARGE: Size = isLong ? { repositories: 50, tags: 10 } : SMALL;
const KILLS = isLong ? 10 : 4;
/** Images at a time times blobs of each: what a kill may find on its way. */
const IN_FLIGHT = 4 * 4;

/** Images that share a layer with all others and one with those of their repository. */
async function fill(host: string, { repositories, tags }: Size): Promise<void> {
  const client = new RegistryClient({ host });
  const shared = await baseTar({ '/shared': madeBytes(20_000, 1) });
  for (let number = 0; number < repositories; number += 1) {
    const store = new RegistryStore({ client, repository: `src/r${number}` });
    const own = await baseTar({ '/own': `repository ${number}` });
    for (let tag = 0; tag < tags; tag += 1)
      await putBaseImage(store, { layers: [shared, own, { '/tag': `${number} ${tag}` }] }, `1.${tag}`);
  }
  await client.close();
}

/** Two registries, the one full and the other empty, and a file that mirrors the one into the other. */
async function scene(
  t: TestContext,
  program: 'docker-registry' | 'registry',
  size: Size,
): Promise<{ source: DockerRegistry; mirror: DockerRegistry; args: string[]; env: Record<string, string> }> {
  const source = await startDockerRegistry(t);
  const mirror = await startDockerRegistry(t, { program });
  await fill(source.host, size);
  const directory = temporaryDirectory(t);
  const file = join(directory, 'mirror.yaml');
  const images = Array.from(
    { length: size.repositories },
    (_, number) => `  - { from: ${source.host}/src/r${number}, to: ${mirror.host}/mirror/r${number} }`,
  );
  writeFileSync(file, `images:\n${images.join('\n')}\n`);
  return { source, mirror, args: ['mirror', '--file', file], env: { XDG_CACHE_HOME: directory } };
}

/** Requests in a registry's log from line `from` on, once it has written all of them. */
async function requests(registry: DockerRegistry, pattern: RegExp, from = 0): Promise<string[]> {
  await setTimeout(50);
  return registry.accessLog.slice(from).flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

async function digests(host: string, repository: string): Promise<Record<string, string>> {
  const client = new RegistryClient({ host });
  const store = new RegistryStore({ client, repository });
  const tags = await store.listTags();
  const entries = tags.map(async (tag) => [tag, (await store.headManifest(tag))!.digest] as const);
  const found = Object.fromEntries(await Promise.all(entries));
  await client.close();
  return found;
}

const killed = [
  { program: 'docker-registry', size: LARGE },
  { program: 'registry', size: SMALL },
] as const;

describe('a mirror', () => {
  for (const { program, size } of killed) {
    const { repositories, tags } = size;
    const images = repositories * tags;
    test(
      `of ${images} tags in ${repositories} repositories, killed ${KILLS} times on its way to ${program}, is complete in the end and got nothing twice`,
      needs(program, 'crane'),
      async (t) => {
        const { source, mirror, args, env } = await scene(t, program, size);
        const begin = source.accessLog.length;
        const blobGets = /"GET \/v2\/\S+\/blobs\/(sha256:[0-9a-f]{64}) HTTP/;
        for (let kill = 0; kill < KILLS; kill += 1) {
          const before = source.accessLog.length;
          const { child, finished } = startNixpush(args, { env });
          // Somewhere among the requests that are left, the same in every run.
          const moment = ((kill + 1) * 0.618) % 1;
          const target = before + Math.ceil((moment * images * 6) / KILLS);
          while (child.exitCode === null && source.accessLog.length < target) await setTimeout(1);
          child.kill('SIGKILL');
          await finished;
        }
        const { status, stderr } = await nixpush(args, { env });
        assert.equal(status, 0, stderr);

        for (let number = 0; number < repositories; number += 1)
          assert.deepEqual(
            await digests(mirror.host, `mirror/r${number}`),
            await digests(source.host, `src/r${number}`),
          );
        const read = await requests(source, blobGets, begin);
        const again = read.length - new Set(read).size;
        t.diagnostic(`${read.length} blobs were read, ${again} of them again`);
        assert.ok(again <= KILLS * IN_FLIGHT, `${again} blobs were read again`);
        // The shared layer, one for each repository, and each image's own layer and config.
        assert.equal(new Set(read).size, 1 + repositories + 2 * images);
        const image = `${mirror.host}/mirror/r${repositories - 1}:1.${tags - 1}`;
        await promisify(execFile)('crane', ['validate', '--insecure', '--remote', image]);
      },
    );
  }

  test('costs one HEAD for each tag when nothing has changed', needs('docker-registry'), async (t) => {
    const { source, mirror, args, env } = await scene(t, 'docker-registry', LARGE);
    const first = await nixpush(args, { env });
    assert.equal(first.status, 0, first.stderr);
    assert.equal(first.stdout.trim().split('\n').length, LARGE.repositories * LARGE.tags);
    await setTimeout(50);
    const begin = [source.accessLog.length, mirror.accessLog.length] as const;
    const second = await nixpush(args, { env });
    assert.deepEqual([second.status, second.stdout], [0, '']);
    const tagsListed = `GET tags`;
    const seen = async (registry: DockerRegistry, from: number): Promise<Record<string, number>> => {
      const all = await requests(registry, /"((?:GET|HEAD|PUT|POST|PATCH|DELETE) \/v2\/\S*) HTTP/, from);
      const counts: Record<string, number> = {};
      for (const request of all) {
        const kind = request.endsWith(' /v2/')
          ? 'ping'
          : request.includes('/tags/list')
            ? tagsListed
            : request.split(' ')[0]!;
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
      return counts;
    };
    assert.deepEqual(await seen(source, begin[0]), {
      ping: 1,
      [tagsListed]: LARGE.repositories,
      HEAD: LARGE.repositories * LARGE.tags,
    });
    assert.deepEqual(await seen(mirror, begin[1]), { ping: 1, [tagsListed]: LARGE.repositories });
  });

  test('by three shards at once ends with all of them', needs('docker-registry'), async (t) => {
    const { source, mirror, args, env } = await scene(t, 'docker-registry', SMALL);
    const runs = await Promise.all(
      [0, 1, 2].map((index) => nixpush([...args, `--shard=${index}/3`], { env })),
    );
    assert.deepEqual(
      runs.map(({ status }) => status),
      [0, 0, 0],
    );
    const copied = runs.flatMap(({ stdout }) => stdout.trim().split('\n'));
    assert.equal(new Set(copied).size, SMALL.repositories * SMALL.tags);
    assert.equal(copied.length, SMALL.repositories * SMALL.tags);
    assert.deepEqual(await digests(mirror.host, 'mirror/r0'), await digests(source.host, 'src/r0'));
  });
});
