import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { sha256 } from '../../src/base/digest.ts';
import { ClosureOnDisk } from '../support/closure-on-disk.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { examplePush } from '../support/example.ts';
import { nixpush } from '../support/nixpush.ts';
import { startOlareg } from '../support/olareg.ts';
import { needs } from '../support/peers.ts';

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

async function run(program: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(program, args)).stdout;
}

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await nixpush([...args, '--quiet']);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** The digest under a tag, as each of them sees it. */
async function digestsOf(host: string, name: string): Promise<string[]> {
  const place = `${host}/${name}`;
  return [
    sha256(await run('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${place}`)),
    (await run('crane', 'digest', '--insecure', place)).trim(),
    (await run('regctl', 'image', 'digest', '--host', `reg=${host},tls=disabled`, place)).trim(),
  ];
}

/** What the configs of the images say that they choose for a platform. */
async function chosen(host: string, name: string, platform: string): Promise<string[]> {
  const place = `${host}/${name}`;
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  const override = ['--override-os', os, '--override-arch', architecture, '--override-variant', variant];
  const regctl = ['image', 'config', '--host', `reg=${host},tls=disabled`, '--platform', platform];
  const configs = [
    await run('skopeo', ...override, 'inspect', '--config', '--tls-verify=false', `docker://${place}`),
    await run('crane', 'config', '--insecure', '--platform', platform, place),
    await run('regctl', ...regctl, place),
  ];
  return configs.map((text) => {
    const config = JSON.parse(text) as { os: string; architecture: string; variant?: string };
    return [config.os, config.architecture, ...(config.variant ? [config.variant] : [])].join('/');
  });
}

describe('a multi-platform image', needs('docker-registry', 'registry', 'skopeo', 'crane', 'regctl'), () => {
  test('of images from two registries and a layout is one and the same to skopeo, crane and regctl', async (t) => {
    const one = await startDockerRegistry(t);
    const two = await startDockerRegistry(t, { program: 'registry' });
    const closure = new ClosureOnDisk(t);
    closure.addTree('tool-1.0', { bin: { tool: { program: '#!/bin/sh\n' } } });
    const places = [`${one.host}/x/amd64:1`, `${two.host}/y/arm64:1`, `${two.host}/y/arm:7`];
    for (const [at, place] of places.entries()) {
      const { status, stderr } = await closure.push(place, '--platform', PLATFORMS[at]!);
      assert.equal(status, 0, stderr);
    }
    const to = [`${one.host}/z/all:1`, `${two.host}/z/all:1`];
    const printed = await ok('index', ...places, ...to.flatMap((place) => ['--to', place]));
    const digest = /sha256:\w+/.exec(printed)![0];
    assert.equal(printed, `${one.host}/z/all@${digest}\n${two.host}/z/all@${digest}`);
    for (const { host } of [one, two]) {
      assert.deepEqual(await digestsOf(host, 'z/all:1'), [digest, digest, digest]);
      for (const platform of PLATFORMS)
        assert.deepEqual(await chosen(host, 'z/all:1', platform), [platform, platform, platform]);
      // Reads and checks every image with its layers.
      const into = ['--all', '--src-tls-verify=false', '--dest-tls-verify=false'];
      await run(
        'skopeo',
        'copy',
        '-q',
        ...into,
        `docker://${host}/z/all:1`,
        `docker://${one.host}/checked:1`,
      );
    }
  });

  test('is pushed at once from closures for several systems', needs('olareg'), async (t) => {
    const home = await startDockerRegistry(t);
    const olareg = await startOlareg(t);
    const [path = '', ...source] = examplePush.slice(0, -2);
    const systems = ['x86_64-linux', 'aarch64-linux', 'armv7l-linux'].map(
      (system) => `--system=${system}=${path}`,
    );
    const to = ['--to', `${home.host}/x/demo:1`, '--to', `${olareg}/x/demo:1`];
    const printed = await ok(...systems, ...source, ...to);
    const digest = /sha256:\w+/.exec(printed)![0];
    for (const host of [home.host, olareg]) {
      assert.deepEqual(await digestsOf(host, 'x/demo:1'), [digest, digest, digest]);
      for (const platform of PLATFORMS)
        assert.deepEqual(await chosen(host, 'x/demo:1', platform), [platform, platform, platform]);
    }
  });
});
