#!/usr/bin/env node
// Copies images between two registries of this machine, with nixpush and with skopeo, crane and regctl, as far as they
// are installed. Needs `npm run build` and scripts/setup-peers, and 2 GB of memory for the registries' storage.
// usage: node scripts/bench/copy.js [--rounds N] [--registry docker-registry|registry] [--distance MS]
//   --distance: only small layers, between registries that answer after so many milliseconds
import { createCipheriv } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { farAway } from './distance.js';
import { measure } from './measure.js';
import {
  isInstalled,
  putBlob,
  putManifest,
  scratchDirectory,
  startRegistry,
  verifyImage,
} from './registries.js';
import { interleave, markdownTable, medians } from './runner.js';

const cores = availableParallelism();

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    distance: { type: 'string', default: '0' },
    registry: { type: 'string', multiple: true, default: ['docker-registry', 'registry'] },
  },
});

const distance = Number(values.distance);

/** Sizes of layers in bytes. */
const IMAGES_NEAR = {
  // As a closure of 754 MB with Python, SciPy and Matplotlib comes out with zstd: half of the layers below 0.9 MB.
  '100 layers, 363 MB': Array.from({ length: 100 }, (_, n) => Math.round(20_000 * 1.0748 ** n)),
  '4 layers, 600 MB': [300e6, 150e6, 100e6, 50e6],
};
const IMAGES_FAR = {
  '100 layers, 26 MB': Array.from({ length: 100 }, (_, n) => Math.round(10_000 * 1.05 ** n)),
};

/** Programs that copy one image from a registry to another, both without TLS. */
const CLIENTS = [
  {
    name: 'nixpush',
    command: (from, to) => [
      process.execPath,
      join(import.meta.dirname, '..', '..', 'bin', 'nixpush.js'),
      'copy',
      from,
      '--to',
      to,
    ],
  },
  {
    name: 'skopeo',
    command: (from, to) => [
      'skopeo',
      'copy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${from}`,
      `docker://${to}`,
    ],
  },
  { name: 'crane', command: (from, to) => ['crane', 'copy', '--insecure', from, to] },
  {
    name: 'regctl',
    command: (from, to) => [
      'regctl',
      ...[from, to].flatMap((reference) => ['--host', `reg=${reference.split('/')[0]},tls=disabled`]),
      'image',
      'copy',
      from,
      to,
    ],
  },
].filter(({ name }) => name === 'nixpush' || isInstalled(name));

for (const program of values.registry.filter(isInstalled)) {
  const source = await startRegistry(program);
  try {
    for (const [name, sizes] of Object.entries(distance > 0 ? IMAGES_FAR : IMAGES_NEAR)) {
      const manifest = await fill(source, 'image', sizes);
      const samples = await interleave(
        CLIENTS.map((client) => ({
          name: client.name,
          run: (round) => copy(client, { program, source, manifest, verify: round === 0 }),
        })),
        Number(values.rounds),
      );
      const away = distance > 0 ? `, ${distance} ms away` : '';
      print(`${name}, between two of ${program}${away}`, samples);
    }
  } finally {
    await source.stop();
  }
}

/** Makes an image of random layers: in the form of gzip, as skopeo would compress others. Gives its manifest. */
async function fill(registry, repository, sizes) {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const layers = [];
  for (const size of sizes) {
    const bytes = gzipSync(cipher.update(Buffer.alloc(size)), { level: 0 });
    layers.push({ mediaType, ...(await putBlob(registry, repository, bytes)) });
  }
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      ...(await putBlob(registry, repository, Buffer.from(JSON.stringify(config)))),
    },
    layers,
  };
  await putManifest(registry, repository, 'latest', manifest);
  return manifest;
}

/** One copy into an empty registry, by a client that knows nothing of earlier ones. */
async function copy(client, { program, source, manifest, verify }) {
  const home = scratchDirectory();
  const destination = await startRegistry(program);
  const [from, to] = await Promise.all([source, destination].map(place));
  try {
    const before = source.cpuSeconds() + destination.cpuSeconds();
    const [file, ...args] = client.command(`${from.host}/image:latest`, `${to.host}/copy:latest`);
    const cost = await measure(file, args, {
      env: { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: home },
    });
    const registrySeconds = source.cpuSeconds() + destination.cpuSeconds() - before;
    if (verify) await verifyImage(destination, 'copy', 'latest', manifest);
    return { ...cost, registrySeconds };
  } finally {
    from.stop();
    to.stop();
    await destination.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** A registry as the clients see it. */
async function place({ host }) {
  return distance > 0 ? farAway(host, distance) : { host, stop: () => undefined };
}

function print(title, samples) {
  const { seconds: ours } = medians(samples.get('nixpush'));
  const rows = [...samples].map(([name, all]) => {
    const { seconds, cpuSeconds, registrySeconds, peakMB } = medians(all);
    const range = `${Math.min(...all.map((one) => one.seconds)).toFixed(2)}–${Math.max(...all.map((one) => one.seconds)).toFixed(2)}`;
    return [
      name,
      seconds.toFixed(2),
      range,
      (seconds / ours).toFixed(2),
      cpuSeconds.toFixed(2),
      registrySeconds.toFixed(2),
      peakMB.toFixed(0),
    ];
  });
  const heading = ['', 's', 'range', '× nixpush', 'its CPU s', "registries' CPU s", 'peak MB'];
  console.log(`\n${title}\n\n${markdownTable([heading, ...rows])}`);
  if (distance > 0) return;
  const least = Math.min(...[...samples.values()].flat().map(({ registrySeconds }) => registrySeconds));
  console.log(
    `\nA client that costs nothing would take ${(least / cores).toFixed(2)} s: ${cores} cores, the registries alone.`,
  );
}
