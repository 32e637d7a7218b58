#!/usr/bin/env node
// Pushes of real closures, beside all who can do the same job: the first push, the same again, and pushes after changes.
// Needs `npm run build`, scripts/setup-peers, Debian's nix-bin and, for the largest closure, 4 GB of disk and memory.
// usage: node scripts/bench/push.js [--rounds N] [--closures small,medium,large] [--codecs zstd,gzip]
//        [--parts first,again,changes] [--node FILE]
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildClosure, changed } from './closures.js';
import { environment, measure, storeFilesRead } from './measure.js';
import { isInstalled, scratchDirectory, startRegistry } from './registries.js';
import { interleave, markdownTable, medians } from './runner.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    closures: { type: 'string', default: 'small,medium,large' },
    codecs: { type: 'string', default: 'zstd,gzip' },
    parts: { type: 'string', default: 'first,again,changes' },
    node: { type: 'string', default: process.execPath },
  },
});
const rounds = Number(values.rounds);
const bin = join(import.meta.dirname, '..', '..', 'bin', 'nixpush.js');
const streamer = join(import.meta.dirname, 'stream_layered_image.py');

/** Debian's, as in the issue's own figures. */
const REGISTRY = 'docker-registry';
/** Of pigz, whose output is nearest to ours: of the large closure 283 MB with 3 and 275 MB with 4, ours 276 MB. */
const PIGZ_LEVEL = 4;

const PACKAGES = {
  small: ['git'],
  medium: ['python3-scipy'],
  large: ['python3-scipy', 'python3-pandas', 'python3-matplotlib', 'python3-sklearn'],
};
/** Of the large closure: a package that nothing in it needs but the root, and one that half of it needs. */
const CHANGES = { leaf: 'python3-sklearn', library: 'zlib1g' };

const closures = values.closures.split(',').map((name) => ({ name, ...buildClosure(PACKAGES[name]) }));
console.log(
  `Node ${execFileSync(values.node, ['--version'], { encoding: 'utf8' }).trim()}, ${rounds} rounds\n`,
);
const parts = values.parts.split(',');
if (parts.includes('first'))
  for (const codec of values.codecs.split(','))
    for (const closure of closures) await firstPush(closure, codec);
if (parts.includes('again')) await samePushAgain(closures.at(-1));
if (parts.includes('changes')) await pushesAfterChanges(closures.at(-1));

/** From the store into an empty registry, by programs that remember nothing. */
async function firstPush(closure, codec) {
  const scene = sceneOf(closure);
  const contenders = [
    { name: 'nixpush', command: (host) => nixpush(closure.root, host, codec) },
    ...limits(scene, codec),
    ...peers(scene, codec),
  ];
  const samples = await interleave(
    contenders.map(({ name, command }) => ({ name, run: () => pushInto(command) })),
    rounds,
  );
  scene.remove();
  print(`First push, ${codec}: ${titleOf(closure)}`, samples);
}

/** Into a registry that has it, by programs that pushed it themselves. */
async function samePushAgain(closure) {
  const scene = sceneOf(closure);
  const registry = await startRegistry(REGISTRY);
  const home = scratchDirectory();
  const push = nixpush(closure.root, registry.host, 'gzip');
  const contenders = [
    { name: 'nixpush', command: () => push },
    { name: 'nixpush --version', command: () => [values.node, bin, '--version'] },
    ...peers(scene, 'gzip').filter(({ name }) => name.includes('skopeo')),
    ...peersWithArchive(scene),
  ];
  for (const { command } of contenders) await run(command(registry.host), home);
  const before = await registry.requests();
  const read = await storeFilesRead(push, home);
  const requests = (await registry.requests()) - before - 1;
  const samples = await interleave(
    contenders.map(({ name, command }) => ({ name, run: () => run(command(registry.host), home) })),
    rounds,
  );
  await registry.stop();
  rmSync(home, { recursive: true });
  scene.remove();
  print(`The same push again: ${titleOf(closure)}`, samples);
  console.log(`\nnixpush made ${requests} requests and opened ${read.files} files of the store.`);
}

/** One package of a new release, on the machine that pushed before, and on one that knows nothing but the registry. */
async function pushesAfterChanges(closure) {
  const rows = [];
  for (const [what, name] of Object.entries(CHANGES)) {
    const next = { name: closure.name, ...buildClosure(PACKAGES[closure.name], [name]) };
    const difference = changed(closure, next);
    for (const forgets of [false, true]) {
      const samples = [];
      for (let round = 0; round < rounds; round++)
        samples.push(await pushChanged(closure, next, forgets, false));
      const { seconds, sent } = medians(samples);
      const { files, bytes } = await pushChanged(closure, next, forgets, true);
      rows.push([
        `${what} (${name})${forgets ? ', empty cache, `--reuse auto`' : ''}`,
        String(difference.paths.length),
        megabytes(difference.narSize),
        megabytes(bytes),
        String(files),
        megabytes(sent),
        seconds.toFixed(2),
      ]);
    }
  }
  const heading = ['new release of', 'paths changed', 'MB changed', 'MB read', 'files read', 'MB sent', 's'];
  console.log(`\n### After a change: ${titleOf(closure)}, zstd\n\n${markdownTable([heading, ...rows])}`);
}

async function pushChanged(closure, next, forgets, traced) {
  const registry = await startRegistry(REGISTRY);
  const home = scratchDirectory();
  try {
    await run(nixpush(closure.root, registry.host, 'zstd'), home);
    const before = registry.storedBytes();
    const other = forgets ? scratchDirectory() : home;
    const push = [...nixpush(next.root, registry.host, 'zstd'), ...(forgets ? ['--reuse', 'auto'] : [])];
    const cost = traced ? await storeFilesRead(push, other) : await run(push, other);
    if (forgets) rmSync(other, { recursive: true });
    return { ...cost, sent: registry.storedBytes() - before };
  } finally {
    await registry.stop();
    rmSync(home, { recursive: true });
  }
}

function nixpush(root, host, codec) {
  return [values.node, bin, root, '--to', `${host}/image`, '--compression', codec, '--quiet'];
}

/** What no pusher can beat by much: the bytes read and compressed, sent nowhere. */
function limits({ closure, pigzLevel }, codec) {
  const tar = `tar --create --absolute-names ${closure.paths.map(({ path }) => path).join(' ')}`;
  return codec === 'zstd'
    ? [{ name: 'tar to zstd -3 -T2', command: () => shell(`${tar} | zstd -3 -T2 > /dev/null`) }]
    : [
        {
          name: `tar to pigz -${pigzLevel}`,
          command: () => shell(`${tar} | pigz -${pigzLevel} > /dev/null`),
        },
      ];
}

/** From the store to the registry, as people do it today. */
function peers({ layers, closure, directory }, codec) {
  const archive = join(directory, 'layer.tar');
  const tar = `tar --create --absolute-names --file ${archive} ${closure.paths.map(({ path }) => path).join(' ')}`;
  const all = [
    {
      name: "dockerTools' stream, skopeo copy",
      needs: 'skopeo',
      command: (host) =>
        shell(
          `python3 ${streamer} < ${layers} > ${archive} && skopeo copy --quiet --dest-tls-verify=false --dest-compress-format ${codec} docker-archive:${archive} docker://${host}/stream:latest && rm ${archive}`,
        ),
    },
    ...(codec === 'gzip'
      ? [
          {
            name: 'tar, crane append',
            needs: 'crane',
            command: (host) =>
              shell(
                `${tar} && crane append --insecure --oci-empty-base -f ${archive} -t ${host}/crane:latest && rm ${archive}`,
              ),
          },
        ]
      : []),
    {
      name: 'buildah',
      needs: 'buildah',
      command: (host) =>
        shell(
          `export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot; ${tar} && c=$(buildah from scratch) && buildah add --quiet $c ${archive} / && buildah commit --quiet $c bench > /dev/null && buildah push --quiet --tls-verify=false --compression-format ${codec} bench docker://${host}/buildah:latest && buildah rm $c > /dev/null && buildah rmi bench > /dev/null && rm ${archive}`,
        ),
    },
  ];
  return all.filter(({ needs }) => isInstalled(needs));
}

/** Who are handed an archive that was written before. */
function peersWithArchive({ archive }) {
  const file = archive();
  return [
    {
      name: 'skopeo, archive at hand',
      needs: 'skopeo',
      command: (host) =>
        shell(
          `skopeo copy --quiet --dest-tls-verify=false docker-archive:${file} docker://${host}/skopeo:latest`,
        ),
    },
    {
      name: 'crane push, archive at hand',
      needs: 'crane',
      command: (host) => shell(`crane push --insecure ${file} ${host}/push:latest`),
    },
  ].filter(({ needs }) => isInstalled(needs));
}

/** What the contenders are given: lists of layers, a directory, the level of pigz that is as good as ours of gzip. */
function sceneOf(closure) {
  const directory = scratchDirectory();
  const layers = join(directory, 'layers');
  const plan = JSON.parse(
    text(values.node, bin, closure.root, '--dry-run', '--json', '--layers', 'auto', '--no-cache', '--quiet'),
  );
  writeFileSync(layers, plan.layers.map(({ paths }) => paths.join(' ')).join('\n'));
  const archive = () => {
    const file = join(directory, 'image.tar');
    execFileSync('sh', ['-c', `python3 ${streamer} < ${layers} > ${file}`]);
    return file;
  };
  return {
    closure,
    layers,
    directory,
    archive,
    pigzLevel: PIGZ_LEVEL,
    remove: () => rmSync(directory, { recursive: true }),
  };
}

async function pushInto(command) {
  const registry = await startRegistry(REGISTRY);
  const home = scratchDirectory();
  try {
    return { ...(await run(command(registry.host), home)), storedMB: registry.storedBytes() / 1e6 };
  } finally {
    await registry.stop();
    rmSync(home, { recursive: true });
  }
}

async function run([program, ...args], home) {
  return measure(program, args, { env: environment(home) });
}

function shell(script) {
  return ['bash', '-c', `set -o pipefail; ${script}`];
}

function text(program, ...args) {
  const options = { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] };
  return execFileSync(program, args, options);
}

function titleOf({ name, paths, narSize }) {
  return `${name}, ${megabytes(narSize)} MB in ${paths.length} store paths`;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0);
}

function print(title, samples) {
  const { seconds: ours } = medians(samples.get('nixpush'));
  const rows = [...samples].map(([name, all]) => {
    const { seconds, cpuSeconds, peakMB, storedMB } = medians(all);
    return [
      name,
      seconds.toFixed(2),
      (seconds / ours).toFixed(2),
      cpuSeconds.toFixed(2),
      peakMB.toFixed(0),
      ...(storedMB === undefined ? [] : [storedMB.toFixed(0)]),
    ];
  });
  const heading = ['', 's', '× nixpush', 'CPU s', 'peak MB', ...(rows[0].length > 5 ? ['MB stored'] : [])];
  console.log(`\n### ${title}\n\n${markdownTable([heading, ...rows])}`);
}
